"""What reranking classes promise and keep: swaprank's own and the frameworks', with models that follow a script."""
