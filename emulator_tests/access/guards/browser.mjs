// Opens the page of web/ in a real browser and says, as a line of JSON, what it shows.

import { createRequire } from "node:module";

const [packages, executablePath, url, what] = process.argv.slice(2);
const { chromium } = createRequire(packages)("playwright-core");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(url);
  console.log(JSON.stringify(await { live, without_emulators }[what](page)));
} finally {
  await browser.close();
}

async function live(page) {
  await signIn(page, "tijuana");
  await page.getByText("meeting_1: in session").waitFor();
  const attending = await page.getByText("Joshua Pendergrast").textContent();

  await page.getByText("Close the meeting").click();
  await page.getByText("meeting_1: closed").waitFor();
  await page.getByText("Open the meeting").waitFor();
  await page.locator("#request", { hasText: "done" }).waitFor();

  await signIn(page, "mallory", "tijuana");
  const denial = page.getByText("permission-denied");
  await denial.waitFor();
  return {
    attending,
    denied: await denial.textContent(),
    sessions: await page.locator("article").count(),
  };
}

async function without_emulators(page) {
  await signIn(page, "tijuana");
  const complaint = page.locator("#status.error");
  await complaint.waitFor();
  return { complaint: await complaint.textContent() };
}

async function signIn(page, uid, whose = "") {
  await page.fill("[name=uid]", uid);
  await page.fill("[name=whose]", whose);
  await page.click("#sign-in button");
}
