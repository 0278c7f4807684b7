// Opens the page of web/ in a real browser and says, as a line of JSON, what each step shows.

import { createRequire } from "node:module";

const [packages, executablePath, url] = process.argv.slice(2);
const { chromium } = createRequire(packages)("playwright-core");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(url);

  await page.fill("[name=uid]", "tijuana");
  await page.click("#sign-in button");
  await page.getByText("meeting_1: in session").waitFor();
  const attending = await page.getByText("Joshua Pendergrast").textContent();

  await page.getByText("Close the meeting").click();
  await page.getByText("meeting_1: closed").waitFor();
  await page.getByText("Open the meeting").waitFor();
  await page.locator("#request", { hasText: "done" }).waitFor();

  await page.fill("[name=uid]", "mallory");
  await page.fill("[name=whose]", "tijuana");
  await page.click("#sign-in button");
  const denial = page.getByText("permission-denied");
  await denial.waitFor();
  console.log(JSON.stringify({
    attending,
    denied: await denial.textContent(),
    sessions: await page.locator("article").count(),
  }));
} finally {
  await browser.close();
}
