import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPlan, browserStores } from "../../scripts/trust-plan.mjs";
import type { Site } from "../support/site.ts";

/** What a person sees. */
export function browserBehaviour(site: Site): void {
  // The path comes from `npm test`, which prints the reason where there is no browser.
  describe.skipIf(!process.env.DJANGO_STACK_TEST_CHROMIUM)("in a browser", () => {
    let browser: Browser;
    const launch = (home?: string) => {
      const quiet = [
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ];
      return chromium.launch({
        executablePath: process.env.DJANGO_STACK_TEST_CHROMIUM ?? "",
        args: quiet,
        env: home === undefined ? undefined : { ...process.env, HOME: home },
      });
    };
    beforeAll(async () => void (browser = await launch()));
    afterAll(() => browser.close());

    test("the page and the admin look and work as they should, with an empty console", async () => {
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      const said: string[] = [];
      page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => said.push(error.message));
      page.on("requestfailed", (request) => said.push(`failed: ${request.url()}`));
      await page.goto(site.outputs.url);
      expect(await page.locator("h1").evaluate((element) => getComputedStyle(element).color)).toBe("rgb(20, 40, 60)");
      await page.fill("#find", "no such movie");
      expect(await page.locator("#count").textContent()).toMatch(/^0 of \d+$/);
      await page.goto(site.outputs.adminUrl);
      await page.fill("#id_username", "admin");
      await page.fill("#id_password", site.outputs.superuserPassword);
      await page.click("input[type=submit]");
      await page.waitForURL(site.outputs.adminUrl);
      expect(await page.locator("#header").evaluate((element) => getComputedStyle(element).backgroundColor)).not.toBe("rgba(0, 0, 0, 0)");
      expect(await page.locator("text=Movies").first().isVisible()).toBe(true);
      expect(said).toEqual([]);
      // The REST framework's pages carry two style attributes, which the policy leaves out, and work all the same.
      await page.goto(site.outputs.apiUrl);
      expect(await page.locator(".page-header").textContent()).toContain("Movie List");
      expect(said.filter((line) => !line.startsWith("error: Applying inline style violates"))).toEqual([]);
    });

    test.skipIf(!process.env.DJANGO_STACK_TEST_CERTUTIL)("it takes the site for genuine once `trust-ca` told it to, and only then", async () => {
      const home = mkdtempSync(join(tmpdir(), "django-stack-browser-"));
      const file = join(home, "authority.crt");
      writeFileSync(file, site.outputs.caCertificate);
      const [store] = browserStores({ exists: existsSync, list: () => [], home });
      const plan = () => browserPlan({ exists: existsSync, store, name: "authority", file });
      const execute = ([command, ...words]: string[]) => execFileSync(command, words, { stdio: "ignore" });
      const visit = async () => {
        const visitor = await launch(home);
        try {
          const page = await visitor.newPage();
          await page.goto(site.outputs.url);
          return await page.locator("h1").textContent();
        } finally {
          await visitor.close();
        }
      };
      try {
        await expect(visit()).rejects.toThrow("ERR_CERT_AUTHORITY_INVALID");
        const { make, add } = plan();
        [...make, add].forEach(execute);
        execute(plan().look);
        expect(await visit()).toBe("Movies");
        execute(plan().remove);
        expect(() => execute(plan().look)).toThrow();
        await expect(visit()).rejects.toThrow("ERR_CERT_AUTHORITY_INVALID");
      } finally {
        // A browser that was closed goes on writing there for a moment.
        rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
      }
    });
  });
}
