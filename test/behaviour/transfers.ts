import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { summarize } from "../../bench/load/summary.ts";
import { reloads } from "../support/reloads.ts";
import { loadDuring } from "../support/site-load.ts";
import { docker, type Site } from "../support/site.ts";
import { trickledDownload, trickledUpload } from "../support/slow-clients.ts";
import { visitors } from "../support/visitors.ts";

/** What becomes of slow downloads and uploads that a roll-out overtakes. */
export function transfersBehaviour(site: Site): void {
  const { prefix, project } = site;
  // Beyond what the client's own buffers take: up to 32 MB, and a mebibyte a second.
  const megabytes = 150;

  describe("a transfer that takes longer than a roll-out", () => {
    test("comes to its end, however long ago the replicas and nginx's workers of before were told to stop", async () => {
      const [replica] = site.containersOf("django");
      const film = "/vol/web/media/film.mp4";
      docker("exec", replica, "sh", "-c", `head -c ${megabytes}M /dev/zero > ${film}`);
      onTestFinished(() => void docker("exec", site.containersOf("django")[0], "rm", film));
      const [visitor] = visitors(replica, "admin", 1);
      const old = site.containersOf("django");
      const page = join(project, "movies/templates/movies/index.html");
      writeFileSync(page, readFileSync(page, "utf8").replace(/<h1>[^<]*/, "<h1>While transfers are under way"));
      const told = reloads(`${prefix}-nginx`, 2);
      // Longer than the drain, and as long as old replicas listen where somebody may still know them: 20 s and 5 more.
      const whileTheyListen = told.then(() => sleep(14_000));
      const up = sleep(1000).then(() => site.up());
      // Docker's DNS has forgotten them by then.
      const whenTheyAreGone = up.then(() => sleep(5000));
      let transfers: unknown;
      const { requests, missing, doubled } = await loadDuring(site, 30, async () => {
        transfers = await Promise.all([
          trickledUpload(site, visitor, "Slowly uploaded", whileTheyListen),
          trickledUpload(site, visitor, "More slowly uploaded", whenTheyAreGone),
          trickledDownload(site, "/media/film.mp4", whenTheyAreGone),
          up.then(() => site.containersOf("django").filter((name) => old.includes(name))),
        ]);
      });
      expect({ failures: summarize(requests).failures, missing, doubled }).toEqual({ failures: {}, missing: [], doubled: [] });
      expect(transfers).toEqual([201, 201, { whole: true, bytes: megabytes * 1024 * 1024 }, []]);
      const { text } = await site.anonymous().request("/api/movies/?search=lowly+uploaded");
      expect(text).toContain('"count":2');
    });
  });
}
