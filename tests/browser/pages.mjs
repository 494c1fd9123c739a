// Opens the pages of reports in a browser, as a reader has them: on a desk, on a telephone, in the dark and on paper. Asks of
// each that it is small and quick, that it fits, that nothing is asked of a network and nothing goes wrong in it, that drawings
// have words, and that axe-core finds no serious fault. Writes pictures of each to a folder.
//
//   node pages.mjs MODULES CHROMIUM PAGES PICTURES [VIEW]
//
// PAGES holds the files; MODULES is where playwright-core and axe-core are installed; VIEW is one of those below.
import { readFileSync, readdirSync, mkdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [modules, chromiumPath, pages, pictures, only] = process.argv.slice(2)
const installed = createRequire(join(resolve(modules), 'package.json'))
const { chromium } = installed('playwright-core')
const axe = readFileSync(installed.resolve('axe-core/axe.min.js'), 'utf8')

const MOST_BYTES = 300_000
// Of a page with ten thousand items, from its request until it can be used; a second is promised, and a busy machine may be slow.
const MOST_MS = 1_000
const TRIES = 3
const VIEWS = [
  { name: 'desk', width: 1280, height: 900, scheme: 'light' },
  { name: 'dark', width: 1280, height: 900, scheme: 'dark' },
  { name: 'phone', width: 390, height: 844, scheme: 'light' },
  { name: 'phone-dark', width: 390, height: 844, scheme: 'dark' },
  { name: 'paper', width: 794, height: 1123, scheme: 'light', media: 'print' },
]
const views = VIEWS.filter(({ name }) => only === undefined || name === only)
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
]

const faults = []
const fault = (page, view, what) => faults.push(`${page} (${view}): ${what}`)

// What is wrong with the page as it stands.
const look = () => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth
  const out = []
  if (wide > 0) {
    const right = document.documentElement.clientWidth
    const inner = (e) => e.closest('.scroll, pre') !== null
    const who = [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > right + 1 && !inner(e))
    const names = who.slice(0, 3).map((e) => `${e.tagName.toLowerCase()}.${e.className}`)
    out.push(`it is ${wide} px wider than its window: ${names.join(', ')}`)
  }
  for (const svg of document.querySelectorAll('svg')) {
    const by = (svg.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '')
    const words = svg.getAttribute('aria-label') ?? by.join(' ')
    if (svg.getAttribute('aria-hidden') !== 'true' && words.trim() === '') out.push('a drawing has no words')
  }
  if (document.title.trim() === '') out.push('it has no title')
  return out
}

const open = async (browser, file, view, watch) => {
  const context = await browser.newContext({ viewport: { width: view.width, height: view.height }, colorScheme: view.scheme, offline: true })
  const page = await context.newPage()
  await page.emulateMedia({ media: view.media ?? 'screen', colorScheme: view.scheme })
  watch(page)
  await page.goto(pathToFileURL(file).href, { waitUntil: 'load' })
  return { context, page }
}

// Milliseconds until the page can be used, as the browser measures them.
const opened = (page) =>
  page.evaluate(() => {
    const [at] = performance.getEntriesByType('navigation')
    return Math.round(at.domContentLoadedEventEnd)
  })

const check = async (browser, file, name, view) => {
  const own = pathToFileURL(file).href
  const watch = (page) => {
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && fault(name, view.name, `the console says: ${message.text()}`))
    page.on('pageerror', (error) => fault(name, view.name, `its script fails: ${error.message}`))
    page.on('request', (request) => request.url() !== own && !request.url().startsWith('data:') && fault(name, view.name, `it asks for ${request.url()}`))
  }
  const { context, page } = await open(browser, file, view, watch)
  for (const what of await page.evaluate(look)) fault(name, view.name, what)
  await page.screenshot({ path: join(pictures, `${name}-${view.name}.png`), fullPage: true })
  if (view.media === undefined && view.name !== 'phone') {
    // With everything open that a reader can open.
    await page.evaluate(() => document.querySelectorAll('details').forEach((part) => (part.open = true)))
    for (const what of await page.evaluate(look)) fault(name, `${view.name}, opened`, what)
    await page.evaluate(axe)
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
    for (const { id, impact, help, nodes } of found.violations) {
      if (['serious', 'critical'].includes(impact)) fault(name, view.name, `axe: ${id}: ${help}: ${nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(' ')}`)
    }
  }
  await context.close()
}

// The quickest of a few openings: what else the machine does is no fault of the page.
const time = async (browser, file, name) => {
  let best = Infinity
  for (let tries = 0; tries < TRIES && best > MOST_MS; tries++) {
    const { context, page } = await open(browser, file, VIEWS[0], () => {})
    best = Math.min(best, await opened(page))
    await context.close()
  }
  if (best > MOST_MS) fault(name, 'desk', `it takes ${best} ms to open, at most ${MOST_MS}`)
  return best
}

const files = readdirSync(pages).filter((file) => file.endsWith('.html')).sort()
if (files.length === 0) throw new Error(`${pages} holds no page`)
mkdirSync(pictures, { recursive: true })
const browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS })
for (const each of files) {
  const [file, name] = [resolve(pages, each), each.replace(/\.html$/, '')]
  const bytes = statSync(file).size
  if (bytes > MOST_BYTES) fault(name, 'file', `it has ${bytes} bytes, at most ${MOST_BYTES}`)
  const ms = await time(browser, file, name)
  for (const view of views) await check(browser, file, name, view)
  console.log(`${name}: ${bytes} bytes, ${ms} ms`)
}
await browser.close()
for (const each of faults) console.log(`fault: ${each}`)
const failed = new Set(faults.map((each) => each.slice(0, each.indexOf(' ')))).size
console.log(`pages: ${files.length - failed} passed, ${failed} failed`)
process.exit(faults.length > 0 ? 1 : 0)
