"""The flyer of a drill, made as a merchant makes one: an uploaded photo, a product, a composed picture."""

import time
from pathlib import Path
from uuid import uuid4

import httpx
from jeondan.v1 import catalog_pb2 as pb

from tests.faults.ground import PATIENCE, rpc_channel
from tests.faults.shop import Shop
from tests.flow.stubs import Patient

PHOTOS = Path("deploy/local/sample/photos")


def flyer(shop: Shop) -> str:
    """The id of one that is ready."""
    photo = min(PHOTOS.glob("*.png"))
    with rpc_channel(shop.ground) as channel:
        call = Patient(channel, ("x-api-key", shop.api_key))
        offer = pb.CreateImageUploadRequest(file_name=photo.name, content_type="image/png")
        upload = call("CreateImageUpload", offer).upload
        httpx.put(upload.upload_url, content=photo.read_bytes(), headers=dict(upload.headers)).raise_for_status()
        taken = pb.CreateImageRequest(object_name=upload.object_name, file_name=photo.name, request_id=str(uuid4()))
        image = call("CreateImage", taken).image
        wanted = pb.Product(name="원두 200g", price_krw=12_000, image_ids=[image.id])
        product = call("CreateProduct", pb.CreateProductRequest(product=wanted, request_id=str(uuid4()))).product
        ordered = pb.Flyer(headline="가을 원두전", product_ids=[product.id])
        made = call("CreateFlyer", pb.CreateFlyerRequest(flyer=ordered, request_id=str(uuid4()))).flyer
        limit = time.monotonic() + PATIENCE
        while made.state != pb.Flyer.STATE_READY:
            assert made.state != pb.Flyer.STATE_FAILED, made.failure
            assert time.monotonic() < limit, "the flyer was not composed"
            time.sleep(0.1)
            made = call("GetFlyer", pb.GetFlyerRequest(flyer_id=made.id)).flyer
    return str(made.id)
