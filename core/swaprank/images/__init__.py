"""Images of queries and passages: references that are opened when a model reads them."""

from .access import ImageAccess as ImageAccess
from .access import ImageLimits as ImageLimits
from .image import Image as Image
from .image import as_images as as_images
