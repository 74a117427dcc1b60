import { DockerError, type DockerCommand } from "../../components/docker-engine.ts";

/** Answers docker commands from a table, first match first, and remembers them. */
export function fakeDocker(answers: [RegExp, string | { stdout?: string; stderr?: string } | DockerError | (() => string)][]) {
  const calls: string[] = [];
  const docker: DockerCommand = async (...args) => {
    const line = args.join(" ");
    calls.push(line);
    const answer = answers.find(([pattern]) => pattern.test(line))?.[1];
    if (answer === undefined) throw new Error(`no answer for: docker ${line}`);
    if (answer instanceof DockerError) throw answer;
    if (typeof answer === "function") return { stdout: answer(), stderr: "" };
    return typeof answer === "string" ? { stdout: answer, stderr: "" } : { stdout: "", stderr: "", ...answer };
  };
  return { docker, calls };
}
