def test_smoke(client, backend):
    for m, p, kw in [("GET","/",{}),("GET","/livez",{}),("GET","/health",{}),("GET","/metrics",{}),("GET","/docs",{}),("GET","/docs/",{}),("GET","/docs/swagger-ui-bundle.js",{}),("GET","/api/v1/openapi.json",{}),
        ("GET","/api/v1/workspace",{}),("GET","/nope",{}),("GET","/api/v1/nope",{}),("POST","/api/v1/workspace",{}),("PUT","/api/v1/products",{}),
        ("GET","/api/v1/products?pageSize=3&x=1",{}),("GET","/api/v1/products?pageSize=3&page_token=a&showArchived=true",{}),
        ("POST","/api/v1/products",{"content":b'\xff{"name": "a"}', "headers":{"content-type":"application/json"}}),
        ("POST","/api/v1/products",{"content":b'{}', "headers":{"content-type":"text/plain"}}),
        ("POST","/api/v1/products",{"content":b'{}', "headers":{"content-type":"multipart/form-data"}}),
        ("GET","/api/v1/products",{"headers":{"content-type":"multipart/form-data"}}),
        ("POST","/api/v1/products",{"content":b'x'*1100000, "headers":{"content-type":"application/json"}}),
        ("POST","/api/v1/products",{"json":{"name":1,"prICE":2,"imageIds":"x","salePriceKrw":1.5}}),
        ("POST","/api/v1/products",{"json":{"name":"a","id":"q"}}),
        ("PATCH","/api/v1/products/x",{"json":{"name":"a","id":"q"},"headers":{"If-Match":'"7"'}}),
        ("GET","/api/v1/products/",{}),("HEAD","/api/v1/products",{}),("OPTIONS","/api/v1/products",{}),
        ]:
        r = client.request(m, p, **kw)
        print(m, p, r.status_code, dict(r.headers) if p in ("/api/v1/workspace","/nope") else r.headers.get("content-type"), r.text[:300].replace("\n"," "))
    for c in backend.calls: print(c)
