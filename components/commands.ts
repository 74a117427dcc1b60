import * as pulumi from "@pulumi/pulumi";
import type { Owner } from "./labels.ts";

/** Returns commands to paste on the machine of the checkout: follow the log, a shell in the app, `manage.py`, fixtures out and in. */
export function commands(
  owner: Owner,
  filesId: pulumi.Input<string>,
  dockerHost: string | undefined,
): pulumi.Output<{ logs: string; shell: string; manage: string; dumpdata: string; loaddata: string }> {
  const docker = dockerHost === undefined ? "docker" : `docker --host ${dockerHost}`;
  const of = (component: string) =>
    `${docker} ps --quiet --filter label=django-stack.name=${owner.name} --filter label=django-stack.stack=${owner.stack} --filter label=django-stack.component=${component}`;
  return pulumi.output(filesId).apply((id) => {
    const replica = `$(${of("django")} | head -n 1)`;
    const run = (options: string) => `${docker} exec ${options}${replica} sh /run/stack/${id}/entry.sh run`;
    // What every database has of its own can't be loaded over another's.
    const excluded = ["contenttypes", "auth.permission", "sessions"].map((model) => `--exclude=${model}`).join(" ");
    return {
      logs: `${docker} logs --follow ${replica}`,
      shell: `${run("-it ")} sh`,
      manage: `${run("-it ")} python manage.py`,
      dumpdata: `${run("")} python manage.py dumpdata --natural-foreign --natural-primary ${excluded} > fixture.json`,
      loaddata: `${run("-i ")} python manage.py loaddata --format=json - < fixture.json`,
    };
  });
}
