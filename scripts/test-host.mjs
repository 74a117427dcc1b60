// Machines for tests: containers that have a whole Docker engine of their own.

/** Returns the options of `docker run` by which an engine works inside a container; its objects are on a volume of the container's name. */
export function testHostOptions(name) {
  const rights = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"];
  return [
    ...["--detach", "--name", name, "--cgroupns", "host"],
    ...["--volume", `${name}:/var/lib/docker`, "--volume", "/sys/fs/cgroup:/sys/fs/cgroup"],
    // Some machines' own containers lack this one, and so can't give it.
    ...["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"],
    ...rights.flatMap((right) => ["--security-opt", right]),
  ];
}
