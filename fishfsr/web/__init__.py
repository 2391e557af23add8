"""A page in the browser over the two libraries: photos restored, faces parsed, shards looked through.

`settings` what a server is told; `server` the app and its start; `gate` what a request may ask for; `shelf` the files of results;
`photos` the work on photos, `results` what comes of it; `parsing` on face crops; `shards` what of a folder is shown, `rescue` what it has
dropped; `markup` all of it as HTML; `page` the page itself, which with its tabs alone knows Gradio.
"""
