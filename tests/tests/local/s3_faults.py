"""An endpoint of S3 that answers as something that is wrong does: the bucket's name says what. `unconditional` stores
objects and does not look at conditions. Prints its port."""
import http.server
import re
import urllib.parse

ANSWERS = {
    "denied": (403, "AccessDenied", {}),
    "expired": (400, "ExpiredToken", {}),
    "skewed": (403, "RequestTimeTooSkewed", {}),
    "unknown-key": (403, "InvalidAccessKeyId", {}),
    "elsewhere": (301, "PermanentRedirect", {"x-amz-bucket-region": "eu-west-3"}),
    "missing": (404, "NoSuchBucket", {}),
}
OBJECTS = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip("/")
        bucket, _, key = path.partition("/")
        if bucket in ANSWERS:
            status, code, headers = ANSWERS[bucket]
            error = f"<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"
            return self.answer(status, error.encode(), headers)
        if not key:
            listing = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><KeyCount>0</KeyCount></ListBucketResult>'
            return self.answer(200, listing.encode())
        if self.command == "PUT":
            # What the SDK sends in chunks is unpacked just enough.
            found = re.match(rb"[0-9a-f]+(?:;[^\r\n]*)?\r\n(.*?)\r\n0(?:;[^\r\n]*)?\r\n", body, re.S)
            OBJECTS[path] = found.group(1) if found else body
        elif self.command == "DELETE":
            OBJECTS.pop(path, None)
            return self.answer(204)
        if path not in OBJECTS:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        return self.answer(200, OBJECTS[path] if self.command == "GET" else b"", {"ETag": f'"{abs(hash(OBJECTS[path])):032x}"'})

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
