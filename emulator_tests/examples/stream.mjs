// Opens the page of examples/stream in a real browser, and says in lines of JSON what it shows.

import { createRequire } from "node:module";

const [packages, executablePath, url] = process.argv.slice(2);
const { chromium } = createRequire(packages)("playwright-core");
const panels = ["listener", "events", "callable", "graphql"];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  page.on("pageerror", (error) => console.error(error.message));
  page.on("console", (message) => console.error(message.text()));
  await page.goto(url);
  await page.click("#sign-in button");
  await shown(page, ".state", "in session");
  console.log(JSON.stringify(await texts(page)));
  await page.getByText("Close the meeting").click();
  await page.getByText("Edited: done").waitFor();
  await shown(page, ".state", "closed");
  console.log(JSON.stringify(await texts(page)));
  await shown(page, ".who", "Josh Pendergrast");
  console.log(JSON.stringify(await texts(page)));
} catch (error) {
  console.error(error.message, JSON.stringify(await texts(browser.contexts()[0].pages()[0])));
  process.exitCode = 1;
} finally {
  await browser.close();
}

// Waits until all panels show a text.
async function shown(page, part, text) {
  for (const panel of panels) {
    await page.locator(`#${panel} ${part}`, { hasText: text }).waitFor();
  }
}

async function texts(page) {
  const found = {};
  for (const panel of panels) {
    const parts = await page.locator(`#${panel} p`).allTextContents();
    found[panel] = parts.join(": ");
  }
  return found;
}
