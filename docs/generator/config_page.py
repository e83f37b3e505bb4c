"""The reference of the config, and the JSON Schema for editors."""

from __future__ import annotations

import inspect
import json

from swaprank.config import registry
from swaprank.config.kinds import COMPOSITES, STAGE_OPTIONS
from swaprank.config.schema import json_schema

from .options import HEAD, prose, table

_HEAD = """# Config reference

Made from the models that check configs. [Config](config.md) explains it by examples; your editor can check and
complete a file with the [JSON Schema](config-schema.json), which `swaprank config schema` prints too:

```
# yaml-language-server: $schema=config-schema.json
```"""

_METHOD = f"""## One method

{HEAD}| `reranker` | name of a [recipe](recipes.md) | | its config, which the other keys override |
| `method` | name of a [method](methods.md) | told by the model | how passages are asked about |
| `model` | hub id, folder or `package:<import name>/<folder>` | | where the method needs one |
| `strategy` | name of a [strategy](#strategies) | that of the method | which groups are asked about |
| `backend` | name, or mapping with `type` and its [options](#backends) | that of the method | what runs the model |
| `cache` | `memory` or `disk`, or mapping with `type` | `null` | answers that are [kept](cache.md) |

The options of the method and of the strategy stand beside these keys: [methods](methods.md) has a page for each."""


def pages() -> dict[str, str]:
    """Path in the site to content."""
    stage = "\n".join(table(options).removeprefix(HEAD) for options in STAGE_OPTIONS)
    values = "`raise` or `keep_order` or mapping with `fallback`"
    on_error = f"| `on_error` | {values} | `raise` | [failures](failures-and-scale.md) |"
    parts = [_HEAD, "## Every stage", HEAD + stage + "\n" + on_error, _METHOD, "## Several together"]
    for key, kind in COMPOSITES.items():
        parts += [f"### {key}", prose(inspect.getdoc(kind.options)), table(kind.options)]
    parts.append("## Strategies")
    for name in registry.names("strategy"):
        strategy = registry.strategy(name)
        parts += [f"### {name}", prose(inspect.getdoc(strategy)), table(strategy)]
    parts.append("## Backends")
    for name in registry.names("backend"):
        options = registry.backend(name).Options
        parts += [f"### {name} (backend)", prose(inspect.getdoc(options)), table(options)]
    return {
        "config-reference.md": "\n\n".join(part for part in parts if part) + "\n",
        "config-schema.json": json.dumps(json_schema(), ensure_ascii=False),
    }
