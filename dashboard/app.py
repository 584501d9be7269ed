"""The public page's process: ``streamlit run`` finds ``app`` here, with its documents and its warm start."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from dashboard import document

app = App(
    Path(__file__).with_name("pages.py"),
    routes=document.routes(),
    middleware=[Middleware(document.SmallIcons)],
    lifespan=document.warm,
)
