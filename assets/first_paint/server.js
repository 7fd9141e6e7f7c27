// @ts-check
// Where the server is, so that Streamlit need not try whether every page has one of its own, and wait for the answer.

Object.assign(window, { __streamlit: { BACKEND_BASE_URL: new URL(".", window.location.href).href } });
