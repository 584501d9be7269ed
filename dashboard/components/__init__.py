"""Pure drawing: rows in, HTML or a figure out; no database, no clock, no Streamlit."""
