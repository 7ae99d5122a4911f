"""A client of its own, Debian's python3-tds: prints what a server answers to batches, as JSON, one line each.

Usage: client.py PORT PASSWORD. The batches come as JSON on standard input, a list of texts.
"""

import json
import sys

import pytds


def told(error):
    return {"number": error.number, "severity": error.severity, "line": error.line, "text": error.text}


def answer(cursor, batch):
    """Every result set of a batch, and the error that ended it."""
    sets = []
    try:
        cursor.execute(batch)
        while True:
            if cursor.description:
                columns = [column[0] for column in cursor.description]
                sets.append({"columns": columns, "rows": [list(row) for row in cursor.fetchall()]})
            if not cursor.nextset():
                break
        error = None
    except pytds.DatabaseError as raised:
        error = told(raised)
    messages = [told(message) for _, message in cursor.messages or []]
    return {"sets": sets, "messages": messages, "error": error}


def main():
    port, password = sys.argv[1:]
    try:
        connection = pytds.connect(
            "127.0.0.1", port=int(port), user="muster", password=password, autocommit=True
        )
    except pytds.DatabaseError as refused:
        print(json.dumps({"refused": told(refused)}))
        return
    with connection, connection.cursor() as cursor:
        for batch in json.load(sys.stdin):
            print(json.dumps(answer(cursor, batch)))


main()
