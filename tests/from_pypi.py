#!/usr/bin/env python3
"""Fetches one file of a project from the index that pip is set up with: pip itself takes only what it can install.

    tests/from_pypi.py PROJECT FILE SHA256 TO

Compared by its SHA-256 before it has its name; what is there already is left. Needs pip.
"""
import hashlib
import html
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request

from pip._internal.models.index import PyPI


def index():
    """The index of pip's configuration, or else pip's own."""
    told = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True)
    return told.stdout.strip() if told.returncode == 0 else PyPI.simple_url


def read(address):
    with urllib.request.urlopen(address, timeout=180) as answer:
        return answer.read()


def main(project, name, sha256, to):
    if os.path.exists(to):
        return
    page = f"{index().rstrip('/')}/{project}/"
    links = re.findall(r'href="([^"#]+)', read(page).decode())
    links = [html.unescape(link) for link in links if urllib.parse.unquote(link).rsplit("/", 1)[-1] == name]
    if not links:
        sys.exit(f"the index has no {name} of {project}")
    content = read(urllib.parse.urljoin(page, links[0]))
    if hashlib.sha256(content).hexdigest() != sha256:
        sys.exit(f"{name} of {project} is another file: {hashlib.sha256(content).hexdigest()}")
    with open(to + ".part", "wb") as file:
        file.write(content)
    os.rename(to + ".part", to)


main(*sys.argv[1:])
