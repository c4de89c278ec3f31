"""CatalogService: products with photos, and flyers composed from them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from jeondan.v1 import catalog_pb2 as pb
from jeondan.v1.catalog_pb2_grpc import CatalogServiceServicer
from jeondan.v1.types_pb2 import Progress

from core import jobs
from core.db import campaigns, catalog, goods
from core.errors import InvalidInput, Violation
from core.rules.flyer.spec import Layout, best_layout, capacity
from core.rules.goods import Category, halted
from server import pictures, updates, uploads
from server.convert import check_etag, enum, enum_name, enum_names, etag, ids, stamp
from server.errors import wrong
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes

IMAGES = Lists({"state": Field(values=enum_names(pb.Image.State, "STATE"))})
PRODUCTS = Lists({"sku": Field(), "badge": Field(), "name": Field(":")}, ("create_time", "name", "price_krw"))
FLYERS = Lists(
    {
        "state": Field(values=enum_names(pb.Flyer.State, "STATE")),
        "layout": Field(values=enum_names(pb.Flyer.Layout, "LAYOUT")),
    }
)


class CatalogService(CatalogServiceServicer):
    """Products with photos, and flyers composed from them."""

    @reads
    def CreateImageUpload(self, request: pb.CreateImageUploadRequest, call: Call) -> pb.CreateImageUploadResponse:
        """An address to PUT one photo to."""
        return pb.CreateImageUploadResponse(upload=uploads.offer(call, request.file_name, request.content_type))

    @writes
    def CreateImage(self, request: pb.CreateImageRequest, call: Call) -> pb.CreateImageResponse:
        """Take an uploaded photo in."""
        uploads.check(call, request.object_name)
        row = catalog.add_image(call.tx, call.workspace, request.object_name, request.file_name, call.now)
        call.tx.after_commit(lambda: jobs.check_image(call.workspace, row.id))
        return pb.CreateImageResponse(image=_image(row))

    @reads
    def GetImage(self, request: pb.GetImageRequest, call: Call) -> pb.GetImageResponse:
        """One image."""
        return pb.GetImageResponse(image=_image(catalog.get_image(call.tx, UUID(request.image_id))))

    @reads
    def ListImages(self, request: pb.ListImagesRequest, call: Call) -> pb.ListImagesResponse:
        """Newest first."""
        found = catalog.list_images(call.tx, page(request, IMAGES))
        return pb.ListImagesResponse(images=map(_image, found.rows), next_page_token=next_token(request, found.next))

    @writes
    def CreateProduct(self, request: pb.CreateProductRequest, call: Call) -> pb.CreateProductResponse:
        """Register a product."""
        values = _product_values(request.product)
        _check_images(call, values["image_ids"])
        return pb.CreateProductResponse(product=_product(catalog.add_product(call.tx, call.workspace, values, call.now)))

    @reads
    def GetProduct(self, request: pb.GetProductRequest, call: Call) -> pb.GetProductResponse:
        """One product."""
        return pb.GetProductResponse(product=_product(catalog.get_product(call.tx, UUID(request.product_id))))

    @reads
    def ListProducts(self, request: pb.ListProductsRequest, call: Call) -> pb.ListProductsResponse:
        """Products of the workspace."""
        found = catalog.list_products(call.tx, page(request, PRODUCTS))
        return pb.ListProductsResponse(products=map(_product, found.rows), next_page_token=next_token(request, found.next))

    @writes
    def UpdateProduct(self, request: pb.UpdateProductRequest, call: Call) -> pb.UpdateProductResponse:
        """Change the fields named in the mask."""
        product = UUID(request.product_id)
        stored = _product(catalog.get_product(call.tx, product, lock=True))
        check_etag(request.etag, stored.etag)
        values = _product_values(updates.merged(stored, request.product, request.update_mask, field="product"))
        _check_images(call, set(values["image_ids"]) - set(ids(stored.image_ids)))
        row = catalog.update_product(call.tx, product, values, call.now)
        if row.category == Category.PROHIBITED:
            for campaign in goods.running_with(call.tx, product):
                campaigns.pause(call.tx, campaign, halted([row.name]))
        return pb.UpdateProductResponse(product=_product(row))

    @writes
    def ArchiveProduct(self, request: pb.ArchiveProductRequest, call: Call) -> pb.ArchiveProductResponse:
        """Out of lists."""
        row = catalog.archive_product(call.tx, UUID(request.product_id), call.now)
        return pb.ArchiveProductResponse(product=_product(row))

    @writes
    def CreateFlyer(self, request: pb.CreateFlyerRequest, call: Call) -> pb.CreateFlyerResponse:
        """Compose a flyer."""
        values = _flyer_values(request.flyer)
        _check_products(call, values["product_ids"])
        row = catalog.add_flyer(call.tx, call.workspace, values, call.now)
        call.tx.after_commit(lambda: jobs.compose_flyer(call.workspace, row.id))
        return pb.CreateFlyerResponse(flyer=_flyer(row))

    @reads
    def GetFlyer(self, request: pb.GetFlyerRequest, call: Call) -> pb.GetFlyerResponse:
        """One flyer."""
        return pb.GetFlyerResponse(flyer=_flyer(catalog.get_flyer(call.tx, UUID(request.flyer_id))))

    @reads
    def ListFlyers(self, request: pb.ListFlyersRequest, call: Call) -> pb.ListFlyersResponse:
        """Newest first."""
        found = catalog.list_flyers(call.tx, page(request, FLYERS))
        return pb.ListFlyersResponse(flyers=map(_flyer, found.rows), next_page_token=next_token(request, found.next))

    @writes
    def ArchiveFlyer(self, request: pb.ArchiveFlyerRequest, call: Call) -> pb.ArchiveFlyerResponse:
        """Out of lists."""
        return pb.ArchiveFlyerResponse(flyer=_flyer(catalog.archive_flyer(call.tx, UUID(request.flyer_id), call.now)))


def _image(row: Any) -> pb.Image:
    return pb.Image(
        id=str(row.id),
        state=enum(pb.Image.State, "STATE", row.state),
        refusal=row.refusal,
        refusal_reason=row.refusal_reason,
        file_name=row.file_name,
        width=row.width,
        height=row.height,
        view_url=pictures.view_url(row.photo_name),
        placeholder=pictures.stands_in(row.photo_name),
        create_time=stamp(row.created_at),
    )


def _product(row: Any) -> pb.Product:
    return pb.Product(
        id=str(row.id),
        name=row.name,
        sku=row.sku,
        description=row.description,
        price_krw=row.price_krw,
        sale_price_krw=row.sale_price_krw,
        badge=row.badge,
        image_ids=map(str, row.image_ids),
        etag=etag(row.id, row.version),
        create_time=stamp(row.created_at),
        update_time=stamp(row.updated_at),
        archive_time=stamp(row.archived_at),
        kind=row.kind,
        category=enum(pb.Product.Category, "CATEGORY", row.category),
    )


def _product_values(product: pb.Product) -> dict[str, Any]:
    return {
        "name": product.name,
        "sku": product.sku,
        "description": product.description,
        "price_krw": product.price_krw,
        "sale_price_krw": product.sale_price_krw if product.HasField("sale_price_krw") else None,
        "badge": product.badge,
        "image_ids": ids(product.image_ids),
        "kind": product.kind.strip(),
        "category": enum_name(pb.Product.Category, "CATEGORY", product.category),
    }


def _flyer(row: Any) -> pb.Flyer:
    return pb.Flyer(
        id=str(row.id),
        layout=enum(pb.Flyer.Layout, "LAYOUT", row.layout),
        headline=row.headline,
        footer=row.footer,
        product_ids=map(str, row.product_ids),
        accent=row.accent,
        state=enum(pb.Flyer.State, "STATE", row.state),
        failure=row.failure,
        failure_reason=row.failure_reason,
        progress=Progress(done=row.steps_done, total=row.steps_total),
        size_bytes=row.size_bytes,
        view_url=pictures.view_url(row.object_name),
        placeholder=pictures.stands_in(row.object_name),
        create_time=stamp(row.created_at),
        archive_time=stamp(row.archived_at),
    )


def _flyer_values(flyer: pb.Flyer) -> dict[str, Any]:
    count = len(flyer.product_ids)
    asked = enum_name(pb.Flyer.Layout, "LAYOUT", flyer.layout)
    layout = Layout(asked.lower()) if asked else best_layout(count)
    fewest, most = capacity(layout)
    if not fewest <= count <= most:
        raise wrong("flyer.product_ids", f"이 배치에는 상품 {fewest}~{most}개를 담을 수 있습니다.", "FLYER_ITEM_COUNT")
    return {
        "layout": layout.name,
        "headline": flyer.headline,
        "footer": flyer.footer,
        "accent": flyer.accent,
        "product_ids": ids(flyer.product_ids),
    }


def _check_images(call: Call, wanted: Iterable[UUID]) -> None:
    """Every new image is a photo of this workspace that was not refused."""
    unknown = catalog.unknown_images(call.tx, list(wanted))
    if unknown:
        raise wrong("product.image_ids", f"쓸 수 없는 사진입니다: {', '.join(map(str, sorted(unknown)))}", "NOT_FOUND")


def _check_products(call: Call, wanted: list[UUID]) -> None:
    """Every product of a flyer exists and is not archived."""
    found = catalog.products_by_id(call.tx, wanted)
    unusable = [_unusable(index, found.get(product)) for index, product in enumerate(wanted) if _gone(found.get(product))]
    if unusable:
        raise InvalidInput("상품을 확인해 주세요.", unusable)


def _gone(product: Any) -> bool:
    return product is None or product.archived_at is not None


def _unusable(index: int, product: Any) -> Violation:
    field = f"flyer.product_ids[{index}]"
    if product is None:
        return Violation(field, "이런 상품이 없습니다.", "NOT_FOUND")
    return Violation(field, "보관한 상품은 전단에 넣을 수 없습니다.", "WRONG_STATE")
