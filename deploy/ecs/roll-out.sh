#!/usr/bin/env bash
# One version into one stage: roll-out.sh STAGE VERSION. MIGRATE=no goes back to a version that ran before; MIGRATE=contract
# rolls nothing out: it takes away what only older versions needed, and is refused while one of them runs.
set -euo pipefail
cd "$(dirname "$0")"
stage=$1 version=$2
: "${REGISTRY:?as registry.yaml puts it out}" "${ALIGO_TESTMODE:?Y or N}" "${LINK_BASE_URL:?}" "${CONSOLE_ORIGIN:?}"
account=$(aws sts get-caller-identity --query Account --output text)

deploy() { # template stack parameters...
  aws cloudformation deploy --template-file "$1" --stack-name "$2" --no-fail-on-empty-changeset \
    --role-arn "arn:aws:iam::$account:role/jeondan-stacks" --parameter-overrides "Stage=$stage" "Version=$version" "Registry=$REGISTRY" "${@:3}"
}
output() { # stack name
  aws cloudformation describe-stacks --stack-name "$1" --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue" --output text
}

if [ "${MIGRATE:-yes}" != no ]; then
  overrides=()
  if [ "${MIGRATE:-yes}" = contract ]; then
    overrides=(--overrides '{"containerOverrides":[{"name":"migrate","command":["python","-m","core.db.migrate","contract"]}]}')
  fi
  deploy migrate.yaml "jeondan-$stage-migrate"
  task=$(aws ecs run-task --cluster "jeondan-$stage" --launch-type FARGATE \
    --task-definition "$(output "jeondan-$stage-migrate" Task)" \
    --network-configuration "$(output "jeondan-$stage-network" Tasks)" "${overrides[@]}" --query 'tasks[0].taskArn' --output text)
  aws ecs wait tasks-stopped --cluster "jeondan-$stage" --tasks "$task"
  code=$(aws ecs describe-tasks --cluster "jeondan-$stage" --tasks "$task" --query 'tasks[0].containers[0].exitCode' --output text)
  [ "$code" = 0 ] || { echo "jeondan: the migration ended with $code; nothing was rolled out" >&2; exit 1; }
fi
[ "${MIGRATE:-yes}" != contract ] || { echo "jeondan: the schema of $stage is that of $version"; exit 0; }

packed=$(mktemp)
trap 'rm -f "$packed"' EXIT
aws cloudformation package --template-file release.yaml --s3-bucket "jeondan-packages-$account" --output-template-file "$packed" >/dev/null
deploy "$packed" "jeondan-$stage-release" "AligoTestmode=$ALIGO_TESTMODE" "LinkBaseUrl=$LINK_BASE_URL" "ConsoleOrigin=$CONSOLE_ORIGIN"
echo "jeondan: $stage runs $version"
