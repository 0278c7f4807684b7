// Opens the documentation of an API in a real browser and says, as a line of JSON, what it shows.

import { createRequire } from "node:module";

const [packages, executablePath, url] = process.argv.slice(2);
const { chromium } = createRequire(packages)("playwright-core");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const shown = {};
  for (const colorScheme of ["light", "dark"]) {
    const page = await browser.newPage({ colorScheme });
    const complaints = [];
    const requests = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
    page.on("request", (request) => requests.push(request.url()));
    const answer = await page.goto(url);
    const operations = [];
    for (const heading of await page.locator("article h3").all()) {
      if (await heading.isVisible()) operations.push((await heading.innerText()).trim());
    }
    const body = page.locator("body");
    shown[colorScheme] = {
      status: answer.status(),
      complaints,
      requests,
      operations,
      background: await body.evaluate((element) => getComputedStyle(element).backgroundColor),
      overflows: await body.evaluate(() => document.documentElement.scrollWidth > innerWidth),
      landmarks: await page.locator("header, nav, main").count(),
    };
    await page.locator("nav a").first().click();
    shown[colorScheme].address = new URL(page.url()).hash;
    await page.close();
  }
  console.log(JSON.stringify(shown));
} finally {
  await browser.close();
}
