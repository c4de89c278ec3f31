"""Messages as schemas, three ways: what is answered, what is taken, and what is taken in part (PATCH)."""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any

from google.api import field_behavior_pb2  # type: ignore[import-untyped, unused-ignore]
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gateway import constraints
from gateway.codec import behaves, input_only, output_only
from gateway.stubs import is_list, is_map, map_value

Schema = dict[str, Any]


class View(Enum):
    """Which way a message travels; the value is the suffix of its schema's name."""

    ANSWER = ""
    INPUT = "Input"
    PATCH = "Patch"


_KINDS: dict[int, Schema] = {
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "string", "format": "uint64"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
}
_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {"type": "object", "additionalProperties": True},
    "google.protobuf.Empty": {"type": "object"},
}


class Schemas:
    """The components of the document, grown as they are needed."""

    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = comments
        self.components: dict[str, Schema] = {}
        self._owners: dict[str, str] = {}

    def comment(self, name: str) -> Schema:
        """The description of whatever has this full name, if any."""
        return {"description": self._comments[name]} if name in self._comments else {}

    def message(self, descriptor: Descriptor, view: View, without: Collection[str] = ()) -> Schema:
        """A reference to the schema of a message."""
        if descriptor.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[descriptor.full_name])
        name = _named(descriptor, view)
        owner = f"{descriptor.full_name} without {sorted(without)}"
        if self._owners.setdefault(name, owner) != owner:
            raise ValueError(f"{owner} and {self._owners[name]} would have the same schema name {name}")
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = self._object(descriptor, view, without)
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: FieldDescriptor, view: View) -> Schema:
        """The schema of one field with its comment."""
        schema = self._value(field, view)
        extra = self.comment(field.full_name)
        if view is View.ANSWER and output_only(field):
            extra["readOnly"] = True
        if input_only(field):
            extra["writeOnly"] = True
        if view is View.PATCH and (field.has_presence or field.is_repeated):
            extra["nullable"] = True
        if not extra:
            return schema
        if "$ref" in schema:
            schema = {"allOf": [schema]}
            if extra.pop("nullable", False):
                extra |= {"type": "object" if field.message_type else "string", "nullable": True}
        return schema | extra

    def bare(self, field: FieldDescriptor, rules: Schema, view: View) -> Schema:
        """One value: the element of a list, a parameter."""
        if field.message_type:
            return self.message(field.message_type, View.ANSWER if view is View.ANSWER else View.INPUT)
        if field.enum_type:
            return {"type": "string"} | rules if "enum" in rules else self._enum(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "format": "byte"}
        return _KINDS[field.cpp_type] | rules

    def parameter(self, field: FieldDescriptor) -> Schema:
        """The schema of a parameter: without references, which connexion cannot read there."""
        rules = constraints.of_items(field) if is_list(field) else constraints.keywords(field)
        if field.enum_type and "enum" not in rules:
            rules = {"type": "string", "enum": [value.name for value in field.enum_type.values]}
        inner = rules if field.enum_type else self.bare(field, rules, View.INPUT)
        return {"type": "array", "items": inner} | constraints.keywords(field) if is_list(field) else inner

    def _value(self, field: FieldDescriptor, view: View) -> Schema:
        rules = {} if view is View.ANSWER else constraints.keywords(field)
        inner = {} if view is View.ANSWER else constraints.of_items(field)
        if is_map(field):
            return {"type": "object", "additionalProperties": self.bare(map_value(field), inner, view)} | rules
        if is_list(field):
            return {"type": "array", "items": self.bare(field, inner, view)} | rules
        return self.bare(field, rules, view)

    def _object(self, descriptor: Descriptor, view: View, without: Collection[str]) -> Schema:
        hidden = input_only if view is View.ANSWER else output_only
        fields = [field for field in descriptor.fields if field.name not in without and not hidden(field)]
        schema: Schema = {"type": "object", **self.comment(descriptor.full_name)}
        schema["properties"] = {field.json_name: self.field(field, view) for field in fields}
        if view is not View.ANSWER:
            schema["additionalProperties"] = False
        required = [field.json_name for field in fields if _required(field, view)]
        return schema | {"required": required} if required else schema

    def _enum(self, descriptor: EnumDescriptor) -> Schema:
        name = _name(descriptor)
        if name not in self.components:
            lines = [self._comments.get(descriptor.full_name, "")]
            for value in descriptor.values:
                lines.append(f"* `{value.name}`: {self._comments.get(f'{descriptor.full_name}.{value.name}', '')}")
            names = [value.name for value in descriptor.values]
            self.components[name] = {"type": "string", "enum": names, "description": "\n".join(lines).strip()}
        return {"$ref": f"#/components/schemas/{name}"}


def _required(field: FieldDescriptor, view: View) -> bool:
    if view is View.ANSWER:
        # Zeros are printed: whatever cannot be absent is always there.
        return not field.has_presence or is_list(field)
    if view is View.PATCH:
        return False
    return behaves(field, field_behavior_pb2.REQUIRED) or constraints.refuses_absence(field)


def _named(descriptor: Descriptor, view: View) -> str:
    name = _name(descriptor)
    return name if name.endswith("Request") else name + view.value


def _name(descriptor: Descriptor | EnumDescriptor) -> str:
    """`jeondan.v1.Campaign.State` -> `CampaignState`."""
    package = descriptor.file.package
    return descriptor.full_name.removeprefix(f"{package}.").replace(".", "")
