"""What the protos say: every service, and the comment of everything in it."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_ROOT = "jeondan."


@dataclass(frozen=True)
class Stubs:
    """The services, and comments by full name (`jeondan.v1.Campaign.name`)."""

    services: tuple[ServiceDescriptor, ...]
    comments: Mapping[str, str]


def load(described: descriptor_pb2.FileDescriptorSet | None = None) -> Stubs:
    """Everything in the shipped descriptors; importing the modules is what makes their options readable."""
    described = described or shipped()
    ours = [file for file in described.file if file.package.startswith(_ROOT)]
    opened = [_descriptor(file.name) for file in ours]
    services = tuple(service for file in opened for service in file.services_by_name.values())
    return Stubs(services, {name: text for file in ours for name, text in _comments(file)})


def shipped() -> descriptor_pb2.FileDescriptorSet:
    """The descriptors as built from the protos, source comments included."""
    return descriptor_pb2.FileDescriptorSet.FromString((files("jeondan") / "descriptors.binpb").read_bytes())


def message_class(descriptor: Descriptor) -> type[Message]:
    """The class to make such messages with."""
    return GetMessageClass(descriptor)


def described(message: Message) -> Descriptor:
    """The descriptor of a message."""
    descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[assignment]  # the stubs name a second, equal class
    return descriptor


def is_map(field: FieldDescriptor) -> bool:
    """Whether it is a `map<..., ...>`."""
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def map_value(field: FieldDescriptor) -> FieldDescriptor:
    """The field that a map's values are."""
    if field.message_type is None:
        raise TypeError(f"{field.full_name} is no map")
    return field.message_type.fields_by_name["value"]


def is_list(field: FieldDescriptor) -> bool:
    """Whether it is a `repeated` that is no map."""
    return field.is_repeated and not is_map(field)


def _descriptor(name: str) -> FileDescriptor:
    module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    descriptor: FileDescriptor = module.DESCRIPTOR
    return descriptor


def _comments(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, str]]:
    texts = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
    for path, name in _names(file):
        text = "\n".join(line.strip() for line in texts.get(path, "").strip().splitlines())
        if text:
            yield f"{file.package}.{name}", text


# The numbers are the field numbers of descriptor.proto, which source locations are made of.
def _names(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    for number, message in enumerate(file.message_type):
        yield from _message_names(message, (4, number), "")
    for number, enum in enumerate(file.enum_type):
        yield from _enum_names(enum, (5, number), "")
    for number, service in enumerate(file.service):
        yield (6, number), service.name
        for index, method in enumerate(service.method):
            yield (6, number, 2, index), f"{service.name}.{method.name}"


def _message_names(
    message: descriptor_pb2.DescriptorProto, path: tuple[int, ...], prefix: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    name = prefix + message.name
    yield path, name
    for number, field in enumerate(message.field):
        yield (*path, 2, number), f"{name}.{field.name}"
    for number, nested in enumerate(message.nested_type):
        yield from _message_names(nested, (*path, 3, number), f"{name}.")
    for number, enum in enumerate(message.enum_type):
        yield from _enum_names(enum, (*path, 4, number), f"{name}.")


def _enum_names(
    enum: descriptor_pb2.EnumDescriptorProto, path: tuple[int, ...], prefix: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, prefix + enum.name
    for number, value in enumerate(enum.value):
        yield (*path, 2, number), f"{prefix}{enum.name}.{value.name}"
