import * as pulumi from "@pulumi/pulumi";
import type { Owner } from "./labels.ts";

/** Returns commands to paste on the machine of the checkout: follow the log, a shell in the app, `manage.py`. */
export function commands(
  owner: Owner,
  filesId: pulumi.Input<string>,
  dockerHost: string | undefined,
): pulumi.Output<{ logs: string; shell: string; manage: string }> {
  const docker = dockerHost === undefined ? "docker" : `docker --host ${dockerHost}`;
  const of = (component: string) =>
    `${docker} ps --quiet --filter label=django-stack.name=${owner.name} --filter label=django-stack.stack=${owner.stack} --filter label=django-stack.component=${component}`;
  return pulumi.output(filesId).apply((id) => {
    const replica = `$(${of("django")} | head -n 1)`;
    const exec = `${docker} exec -it ${replica} sh /run/stack/${id}/entry.sh run`;
    return {
      logs: `${docker} logs --follow ${replica}`,
      shell: `${exec} sh`,
      manage: `${exec} python manage.py`,
    };
  });
}
