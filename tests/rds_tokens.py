"""Reads RDS tokens, one a line, and writes those that botocore makes for the same host, port, user and second.

Arguments: the access key's id, its secret, the region, and the session token if there is one.
"""

import datetime
import sys
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import botocore.session

ID, SECRET, REGION, *SESSION = sys.argv[1:]


def made(token):
    url = urlsplit(f"https://{token}")
    query = parse_qs(url.query, strict_parsing=True)
    date = datetime.datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
    botocore.auth.get_current_datetime = lambda **_: date
    session = botocore.session.Session()
    session.set_credentials(ID, SECRET, *SESSION)
    rds = session.create_client("rds", region_name=REGION)
    return rds.generate_db_auth_token(url.hostname, url.port, query["DBUser"][0])


for line in sys.stdin:
    print(made(line.rstrip("\n")))
