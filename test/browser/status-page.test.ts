import { createServer } from 'node:net'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import { startNtlmUpstream } from '../../src/demo/index.ts'
import { listen } from '../../src/demo/listen.ts'
import { openClient } from '../harness/http-client.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { startChromium } from '../harness/real/chromium.ts'
import { freePort } from '../harness/real/port.ts'
import { skipUnless } from '../harness/real/programs.ts'

type Test = Pick<typeof t, 'teardown'>

const ACCOUNT = { user: 'alice', domain: 'CORP', password: 'wonder-land-4711' }

interface Shown {
  readonly url: string
  readonly product: Product
  readonly page: Page
  readonly upstream: string
  /** What the browser complained about: errors of scripts, and whatever the content security policy stopped. */
  readonly complaints: string[]
}

/** The page of a running tsntlm, after the first snapshot came. */
async function show(
  test: Test,
  browser: Browser,
  { password = ACCOUNT.password, ...look }: BrowserContextOptions & { password?: string } = {},
): Promise<Shown> {
  const proxy = await startNtlmUpstream({ accounts: [ACCOUNT] })
  test.teardown(() => proxy.close())
  const upstream = `127.0.0.1:${proxy.address.port}`
  const adminPort = await freePort()
  const product = await startProduct({
    config: [
      `Username ${ACCOUNT.user}`,
      `Domain ${ACCOUNT.domain}`,
      `Password ${password}`,
      `Proxy ${upstream}`,
      'SOCKS5Proxy docker9:1080',
      `Admin ${adminPort}`,
    ],
  })
  test.teardown(() => product.stop('SIGKILL'))
  const url = `http://127.0.0.1:${adminPort}/`
  return { url, product, upstream, ...(await open(test, browser, url, look)) }
}

async function open(
  test: Test,
  browser: Browser,
  url: string,
  look: BrowserContextOptions,
): Promise<Pick<Shown, 'page' | 'complaints'>> {
  const context = await browser.newContext(look)
  test.teardown(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(error.message))
  await page.goto(url)
  await page.locator('#link', { hasText: 'live' }).waitFor()
  return { page, complaints }
}

/** A plain GET that fails at the upstream or not; its answer does not matter. */
async function get(product: Product, url: string): Promise<void> {
  const client = await openClient(product.port)
  await client.request(`GET ${url} HTTP/1.1\nHost: x`)
  client.destroy()
}

if (skipUnless(t, ['chromium'])) {
  const browser = await startChromium()
  t.teardown(() => browser.close())

  t.test('the page tells what the proxy does, and goes on telling', async t => {
    const { complaints, page, product, upstream } = await show(t, browser)
    await page.locator('#verdict', { hasText: /^Ready$/ }).waitFor()
    await page.locator('#guard', { hasText: 'not accepted yet' }).waitFor()
    await get(product, 'http://origin.example/')
    await page.locator('#guard', { hasText: 'CORP\\alice: the password was accepted' }).waitFor()
    await page.locator('#requests-total', { hasText: /^1$/ }).waitFor()
    await page.locator('#upstreams td', { hasText: upstream }).waitFor()
    await page.locator('#listeners td', { hasText: `127.0.0.1:${product.port}` }).waitFor()
    await page.locator('#listeners td', { hasText: /^waiting: .*docker9/ }).waitFor()
    t.match(await page.locator('#config-generation').textContent(), /^1, taken over/)
    t.strictSame(complaints, [])
    t.notMatch(await page.content(), ACCOUNT.password)
  })

  t.test('a rejected password is told in words', async t => {
    const { page, product } = await show(t, browser, { password: 'wrong' })
    await get(product, 'http://origin.example/')
    const words = 'the password was rejected by 127.0.0.1'
    await page
      .locator('#verdict', { hasText: /^Not ready: .*not sent again until \d\d:/ })
      .waitFor()
    await page.locator('#guard', { hasText: words }).waitFor()
    await page.locator('#failures td', { hasText: /^AUTH_REJECTED$/ }).waitFor()
    t.equal(await page.locator('#guard').getAttribute('aria-live'), 'assertive')
  })

  t.test('what a client sends is text on the page and no markup', async t => {
    const silent = createServer(() => undefined)
    const at = await listen(silent)
    t.teardown(() => silent.close())
    const adminPort = await freePort()
    const product = await startProduct({
      config: ['NoProxy *', `Admin ${adminPort}`],
    })
    t.teardown(() => product.stop('SIGKILL'))
    const client = await openClient(product.port)
    t.teardown(() => client.destroy())
    const target = `http://127.0.0.1:${at.port}/<b>bold</b><img/src=x>`
    client.send(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const { complaints, page } = await open(t, browser, `http://127.0.0.1:${adminPort}/`, {})
    await page.locator('#work td', { hasText: '<b>bold</b>' }).waitFor()
    t.equal(await page.locator('#work b, #work img').count(), 0)
    t.strictSame(complaints, [])
  })

  t.test('light and dark are different, both follow the browser', async t => {
    const colour = async (colorScheme: 'light' | 'dark') => {
      const { page } = await show(t, browser, { colorScheme })
      return await page.evaluate('getComputedStyle(document.body).backgroundColor')
    }
    t.equal(await colour('light'), 'rgb(246, 247, 249)')
    t.equal(await colour('dark'), 'rgb(18, 22, 28)')
  })

  t.test('from a phone to a desktop nothing has to be scrolled sideways', async t => {
    const { page, product } = await show(t, browser, { password: 'wrong' })
    await get(product, `http://origin.example/${'long-path'.repeat(40)}`)
    await page.locator('#failures td', { hasText: /^AUTH_REJECTED$/ }).waitFor()
    for (const width of [320, 360, 600, 768, 896, 897, 1024, 1600]) {
      await page.setViewportSize({ width, height: 800 })
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, `${width} px`)
    }
  })

  t.test(
    'it is used by keyboard: the button has the focus, is seen to have it, and pauses',
    async t => {
      const { page, product, url } = await show(t, browser)
      await page.keyboard.press('Tab')
      t.equal(await page.evaluate('document.activeElement.id'), 'pause')
      t.match(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'solid')
      await page.keyboard.press('Space')
      t.equal(await page.locator('#pause').getAttribute('aria-pressed'), 'true')
      await get(product, 'http://origin.example/')
      const other = await open(t, browser, url, {})
      await other.page.locator('#requests-total', { hasText: /^1$/ }).waitFor()
      t.equal(await page.locator('#requests-total').textContent(), '0')
      await page.keyboard.press('Enter')
      await page.locator('#requests-total', { hasText: /^1$/ }).waitFor()
      await page.keyboard.press('Tab')
      t.equal(await page.evaluate('document.activeElement.textContent'), 'metrics')
    },
  )

  t.test('screen readers find tables with captions, also where rows are cards', async t => {
    const { page, upstream } = await show(t, browser, { viewport: { width: 360, height: 700 } })
    await page.getByRole('table', { name: 'Upstream proxies' }).waitFor()
    await page.getByRole('cell', { name: upstream }).waitFor()
    for (const name of ['Open requests and tunnels', 'Last failures', 'Ports'])
      t.equal(await page.getByRole('table', { name }).count(), 1, name)
    t.equal(await page.getByRole('columnheader', { name: 'Last failure' }).count(), 1)
  })

  t.test('who wants no motion gets none', async t => {
    const { page } = await show(t, browser, { reducedMotion: 'reduce' })
    t.equal(
      await page.evaluate(
        "getComputedStyle(document.getElementById('verdict')).transitionDuration",
      ),
      '0s',
    )
  })

  t.test('a lost connection is told, and found again', async t => {
    const { page, product } = await show(t, browser)
    process.kill(product.pid, 'SIGSTOP')
    await page.locator('#link', { hasText: 'connection to the proxy is lost' }).waitFor()
    process.kill(product.pid, 'SIGCONT')
    await page.locator('#link', { hasText: 'live' }).waitFor()
    const again = await product.restart()
    t.teardown(() => again.stop('SIGKILL'))
    await page.locator('#link', { hasText: 'live' }).waitFor()
    t.pass('the browser connects again by itself')
  })
}
