"""The templates for ECS run what the product is, as Kubernetes does; moto creates what it knows of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import pytest
import yaml
from moto import mock_aws
from moto.cloudformation.parsing import get_model_map

from core import images, jobs
from core.settings import Settings
from deploy.local import children
from gateway.settings import Settings as GatewaySettings

ROOT = Path(__file__).parent.parent.parent
ECS = ROOT / "deploy/ecs"
REGION = "ap-northeast-2"
STAGE = {"Stage": "staging"}
IMAGES = {"Registry": "1.dkr.example", "Version": "0123abc"}


class Loader(yaml.SafeLoader):
    """Reads `!Ref x` as {"Ref": "x"}."""


def _tagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    deep = loader.construct_sequence(node, True) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node, True)  # type: ignore[arg-type]
    return {tag: deep}


Loader.add_multi_constructor("!", _tagged)


def resources(name: str) -> dict[str, Any]:
    return dict(yaml.load((ECS / f"{name}.yaml").read_text(), Loader)["Resources"])


def containers() -> dict[str, dict[str, Any]]:
    """The containers of ours; the one of all workers is called Worker."""
    found = [one for file in ("migrate", "release", "worker") for one in resources(file).values()]
    defined = [one["Properties"]["ContainerDefinitions"][0] for one in found if one["Type"] == "AWS::ECS::TaskDefinition"]
    return {one["Name"].capitalize() if isinstance(one["Name"], str) else "Worker": one for one in defined}


def workers() -> dict[str, dict[str, str]]:
    stacks = {name: one for name, one in resources("release").items() if one["Type"] == "AWS::CloudFormation::Stack"}
    return {one["Properties"]["Parameters"]["Name"]: one["Properties"]["Parameters"] for one in stacks.values()}


def given(container: dict[str, Any], kind: str) -> set[str]:
    names = {entry["Name"] for entry in container.get(kind, []) if isinstance(entry["Name"], str)}
    return names | ({"WORKERS_METRICS_PORT", "CLOCK_METRICS_PORT"} if len(names) != len(container.get(kind, [])) else set())


# --- the same product as everywhere ---------------------------------------------------------------------------------


def test_every_process_of_the_product_runs_and_no_other() -> None:
    commands = {name: parameters["Command"].split(",")[2:] for name, parameters in workers().items()}
    assert {" ".join(command[1:]) for command in commands.values() if command[0] == "workers.main"} == set(children.WORKERS)
    assert commands["clock"] == ["workers.clock"]
    doors = {name: container["Command"][2:] for name, container in containers().items() if name != "Worker"}
    assert doors == {"Migrate": ["core.db.migrate"], "Server": ["server.main"], "Gateway": ["gateway.main"]}


def test_processes_images_and_commands_are_those_of_kubernetes() -> None:
    base = [one for path in (ROOT / "deploy/kubernetes/base").glob("*.yaml") for one in yaml.safe_load_all(path.read_text())]
    pods = [one["spec"]["template"]["spec"]["containers"][0] for one in base if one["kind"] in ("Deployment", "Job")]
    there = {pod["name"]: (pod["image"].split(":")[0], pod["command"]) for pod in pods}
    ours = {name: (_image(one["Image"]["Sub"]), one["Command"].split(",")) for name, one in workers().items()}
    doors = {one["Name"]: (_image(one["Image"]["Sub"]), one["Command"]) for name, one in containers().items() if name != "Worker"}
    assert ours | doors == there


def _image(reference: str) -> str:
    return re.fullmatch(r"\$\{Registry\}/(jeondan-\w+):\$\{Version\}", reference)[1]  # type: ignore[index]


@pytest.mark.parametrize("name", sorted(containers()))
def test_a_container_is_nobody_and_writes_nowhere_but_tmp(name: str) -> None:
    one = containers()[name]
    assert one["User"] == "10001:10001" and one["ReadonlyRootFilesystem"] is True
    assert one["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert [mount["ContainerPath"] for mount in one["MountPoints"]] == ["/tmp"]
    assert one["LogConfiguration"]["Options"]["awslogs-group"]["ImportValue"]


@pytest.mark.parametrize("name", sorted(containers()))
def test_every_variable_is_read_by_whom_it_is_given_and_secrets_are_no_plain_values(name: str) -> None:
    one, known = containers()[name], GatewaySettings.model_fields if name == "Gateway" else Settings.model_fields
    assert given(one, "Environment") | given(one, "Secrets") <= {field.upper() for field in known}
    secret = {"DATABASE_URL", "REDIS_URL", "JWT_SECRET", "ENCRYPTION_KEY"}
    assert secret <= given(one, "Secrets") if name != "Gateway" else "Secrets" not in one
    assert not (secret | {"SENTRY_DSN", "ALERT_URLS"}) & given(one, "Environment")


def test_doors_stand_at_the_ports_that_the_balancer_and_the_groups_open() -> None:
    found, cluster, network = containers(), resources("cluster"), resources("network")
    ports = {name: found[name]["PortMappings"][0]["ContainerPort"] for name in ("Server", "Gateway")}
    assert ports == {name: cluster[name]["Properties"]["Port"] for name in ports} == {"Server": 50051, "Gateway": 8080}
    assert cluster["Server"]["Properties"]["ProtocolVersion"] == "GRPC"
    opened = {rule["FromPort"] for rule in network["BackendGroup"]["Properties"]["SecurityGroupIngress"]}
    assert opened == set(ports.values())
    environment = {entry["Name"]: entry["Value"] for entry in found["Gateway"]["Environment"]}
    assert urlsplit(environment["GRPC_ADDRESS"]["Sub"].replace(":///", "://")).port == ports["Server"]


def test_workers_follow_the_queues_of_their_lanes() -> None:
    for name, parameters in workers().items():
        lanes = parameters["Command"].split(",")[3:]
        followed = [parameters[key] for key in ("Queue", "SecondQueue") if key in parameters]
        assert followed == lanes and set(followed) <= set(jobs.LANES), name


def test_doors_grow_with_their_processor_and_a_failed_roll_out_goes_back() -> None:
    release, worker = resources("release"), resources("worker")
    policies = [one["Properties"] for one in release.values() if one["Type"].endswith("ScalingPolicy")]
    assert [one["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for one in policies] == [70, 70]
    services = [one["Properties"] for one in (release | worker).values() if one["Type"] == "AWS::ECS::Service"]
    assert len(services) == 3
    for one in services:
        assert one["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}


def test_a_picture_is_asked_for_where_cloudfront_and_the_bucket_expect_it() -> None:
    values = {"database_url": "postgresql://a:b@c/d", "redis_url": "rediss://c", "jwt_secret": "x" * 32, "encryption_key": "k"}
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region": REGION}
    signing = images.Storage(Settings.model_validate({**values, **keys, "aws_s3_bucket": "our-bucket"}))
    link = urlsplit(signing.view_url(f"flyers/{uuid4()}/x.jpg"))
    distribution = resources("data")["Pictures"]["Properties"]["DistributionConfig"]
    origin = distribution["Origins"][0]["DomainName"]["Sub"].replace("${AWS::Region}", REGION)
    patterns = [each["PathPattern"]["Sub"].replace("${Objects}", "our-bucket") for each in distribution["CacheBehaviors"]]
    assert link.hostname == origin  # the signature covers the name
    assert any(link.path.startswith(pattern.removesuffix("*")) for pattern in patterns)
    assert not any(pattern.startswith(("/our-bucket/exports", "/our-bucket/uploads")) for pattern in patterns)


# --- created by moto, as far as it knows the kinds ------------------------------------------------------------------


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, Any]]:
    """All stacks but the registry, in the order in which they are made."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        made = boto3.client("cloudformation")
        boto3.client("s3").create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": REGION})
        boto3.client("s3").put_object(Bucket="packages", Key="worker.yaml", Body=as_moto_knows_it("worker").encode())
        _create(made, "network", STAGE)
        _create(made, "data", {**STAGE, "KeysSecret": "arn:aws:secretsmanager:x:1:secret:keys"})
        certificate = boto3.client("acm").request_certificate(DomainName="api.example")["CertificateArn"]
        _create(made, "cluster", {**STAGE, "Certificate": certificate})
        _create(made, "migrate", {**STAGE, **IMAGES})
        _create(made, "release", {**STAGE, **IMAGES, "AligoTestmode": "Y"})
        yield {name: boto3.client(name) for name in ("ec2", "ecs", "rds", "elbv2", "logs", "cloudformation")}


def as_moto_knows_it(name: str) -> str:
    """The template without what moto has no notion of; what others want to know of a kind it lacks is its name."""
    template = yaml.load((ECS / f"{name}.yaml").read_text(), Loader)
    known = get_model_map().keys() - {"AWS::RDS::DBParameterGroup"}  # made, and then not found again
    unknown = {name for name, one in template["Resources"].items() if one["Type"] not in known}
    template["Resources"] = {name: one for name, one in template["Resources"].items() if name not in unknown}
    for one in template["Resources"].values():
        one.get("Properties", {}).pop("DBParameterGroupName", None)
    return json.dumps(_plain(template, unknown))


def _plain(value: Any, unknown: set[str]) -> Any:
    if isinstance(value, list):
        return [_plain(each, unknown) for each in value if not _perhaps_nothing(each)]
    if isinstance(value, dict):
        ((tag, inner), *more) = value.items() or [("", "")]
        if not more and tag in ("Ref", "GetAtt") and str(inner).split(".")[0] in unknown:
            return inner
        if not more and tag == "GetAtt":
            return {"Fn::GetAtt": str(inner).split(".", 1)}
        long = {"Sub", "ImportValue", "Split", "If", "Equals", "Not", "Select", "GetAZs", "Join"}
        return {f"Fn::{key}" if key in long else key: _plain(each, unknown) for key, each in value.items()}
    if isinstance(value, str):
        without = re.sub(r"\{\{resolve:.*?\}\}+", "none", value)
        text = re.sub(r"\$\{(\w+)(\.[\w.]+)?\}", lambda found: found[1] if found[1] in unknown else found[0], without)
        return text.replace("worker.yaml", f"https://s3.{REGION}.amazonaws.com/packages/worker.yaml")
    return value


def _perhaps_nothing(value: Any) -> bool:
    return isinstance(value, dict) and "If" in value and value["If"][-1] == {"Ref": "AWS::NoValue"}


def _create(made: Any, name: str, parameters: dict[str, str]) -> None:
    body = as_moto_knows_it(name)
    listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    made.create_stack(
        StackName=f"jeondan-staging-{name}", TemplateBody=body, Parameters=listed, Capabilities=["CAPABILITY_NAMED_IAM"]
    )


def _from(rule: dict[str, Any]) -> tuple[Any, ...]:
    who = [each["CidrIp"] for each in rule["IpRanges"]] + [each["GroupId"] for each in rule["UserIdGroupPairs"]]
    return (rule["FromPort"], *who)


def test_doors_are_open_as_the_guide_says(account: dict[str, Any]) -> None:
    groups = {one["Description"].split(" -")[0]: one for one in account["ec2"].describe_security_groups()["SecurityGroups"]}
    opened = {name: {_from(rule) for rule in group["IpPermissions"]} for name, group in groups.items()}
    backend = groups["Tasks"]["GroupId"]
    assert opened["Load balancer"] == {(80, "0.0.0.0/0"), (443, "0.0.0.0/0")}
    assert opened["PostgreSQL"] == {(5432, backend)}
    assert opened["Redis"] == {(6379, backend)}


def test_tasks_have_no_address_of_their_own_and_leave_by_two_fixed_ones(account: dict[str, Any]) -> None:
    (stack,) = account["cloudformation"].describe_stacks(StackName="jeondan-staging-network")["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    gateways = account["ec2"].describe_nat_gateways()["NatGateways"]
    assert len(gateways) == 2
    addresses = {one["PublicIp"] for one in account["ec2"].describe_addresses()["Addresses"]}
    assert set(outputs["EgressAddresses"].split(",")) == addresses
    assert "assignPublicIp=DISABLED" in outputs["Tasks"]


def test_every_process_stands_as_a_service(account: dict[str, Any]) -> None:
    names = {arn.rsplit("/", 1)[1] for arn in account["ecs"].list_services(cluster="jeondan-staging")["serviceArns"]}
    assert names == {"server", "gateway", *workers()}
    images_used = set()
    for arn in account["ecs"].list_task_definitions()["taskDefinitionArns"]:
        defined = account["ecs"].describe_task_definition(taskDefinition=arn)["taskDefinition"]
        images_used |= {one["image"] for one in defined["containerDefinitions"] if one["name"] != "collector"}
    assert images_used == {f"1.dkr.example/jeondan-{room}:0123abc" for room in ("server", "workers", "gateway")}


def test_data_outlives_a_machine_and_a_mistake(account: dict[str, Any]) -> None:
    databases = account["rds"].describe_db_instances()["DBInstances"]
    assert sorted(bool(one.get("ReadReplicaSourceDBInstanceIdentifier")) for one in databases) == [False, True]
    main = next(one for one in databases if not one.get("ReadReplicaSourceDBInstanceIdentifier"))
    assert main["MultiAZ"] and main["StorageEncrypted"] and not main["PubliclyAccessible"]
    buckets = [one["Properties"] for one in resources("data").values() if one["Type"] == "AWS::S3::Bucket"]
    assert [one["VersioningConfiguration"] for one in buckets] == [{"Status": "Enabled"}] * 2  # moto drops it
    (group,) = account["logs"].describe_log_groups(logGroupNamePrefix="/ecs/jeondan-")["logGroups"]
    assert group["retentionInDays"] == 90


def test_backups_go_when_nobody_can_need_them_and_files_come_from_the_console_alone() -> None:
    data = resources("data")
    (old,) = data["Backups"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert 30 < old["ExpirationInDays"] <= 40
    (cors,) = data["Objects"]["Properties"]["CorsConfiguration"]["CorsRules"]
    assert cors["AllowedOrigins"] == [{"Ref": "ConsoleOrigin"}]
    assert data["RedisSettings"]["Properties"]["Properties"] == {"maxmemory-policy": "noeviction"}
    assert data["Redis"]["Properties"]["TransitEncryptionEnabled"] is True
