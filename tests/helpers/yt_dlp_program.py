"""A program that stands for yt-dlp, and what it says for the answers of a server."""

YT_DLP = """#!{python}
# Stands for yt-dlp: takes its options, serves a section from the local server.
import os, sys, urllib.request, urllib.error
options, url = sys.argv[1:-1], sys.argv[-1]
assert options[-1] == "--" and options[options.index("--format") + 1] == "bestaudio/best"
section = options[options.index("--download-sections") + 1]
output = options[options.index("--output") + 1].replace("%(ext)s", "wav")
assert section.startswith("*") and "-" in section
with open({log!r}, "a") as log:
    log.write(url + " " + section + "\\n")
try:
    content = urllib.request.urlopen(url).read()
except urllib.error.HTTPError as error:
    text = {messages!r}[str(error.code)]
    sys.exit("WARNING: noise\\nERROR: [youtube] id: " + text)
open(output, "wb").write(content)
"""
MESSAGES = {
    "404": "Video unavailable. This video is no longer available",
    "403": "Private video. Sign in if you've been granted access to this video",
    "429": "Sign in to confirm you’re not a bot. Use --cookies-from-browser",
    "500": "Unable to extract initial player response",
}
