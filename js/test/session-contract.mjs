// What every place of a session keeps to; run on files here, on IndexedDB in a browser.

/** Each behaviour with what it does to a session that `make` gives, opened anew for each. */
export const BEHAVIOURS = {
  'a new one is empty': async ({ make, equal }) => {
    const session = make()
    equal(text(await session.open()), '')
    await session.close()
  },
  'what was appended comes back in its order': async ({ make, equal }) => {
    const session = make()
    await session.open()
    for (const part of ['one', 'two', 'three']) await session.append(bytes(part))
    await session.close()
    equal(text(await session.open()), 'onetwothree')
    await session.append(bytes('four'))
    await session.close()
    equal(text(await make().open()), 'onetwothreefour')
  },
  'what was replaced is gone': async ({ make, equal }) => {
    const session = make()
    await session.open()
    await session.append(bytes('a long beginning'))
    await session.replace(bytes('new'))
    await session.append(bytes('er'))
    await session.close()
    equal(text(await make().open()), 'newer')
  },
  'it keeps its own copy': async ({ make, equal }) => {
    const session = make()
    await session.open()
    const given = bytes('given')
    await session.append(given)
    given.fill(0)
    await session.close()
    equal(text(await make().open()), 'given')
  },
  'large ones are whole': async ({ make, equal }) => {
    const session = make()
    await session.open()
    await session.append(new Uint8Array(3_000_000).fill(7))
    await session.close()
    const all = await make().open()
    equal(all.length, 3_000_000)
    equal(all.every((byte) => byte === 7), true)
  },
  'one at a time has it': async ({ make, code, equal }) => {
    const session = make()
    await session.open()
    equal(await code(() => make().open()), 'SESSION_HELD')
    equal(await code(() => session.open()), 'SESSION_HELD')
    await session.append(bytes('still mine'))
    await session.close()
    const next = make()
    equal(text(await next.open()), 'still mine')
    await next.close()
  },
  'a closed one takes nothing': async ({ make, code, equal }) => {
    const session = make()
    equal(await code(() => session.append(bytes('x'))), 'SESSION_CLOSED')
    await session.open()
    await session.close()
    equal(await code(() => session.append(bytes('x'))), 'SESSION_CLOSED')
    equal(await code(() => session.replace(bytes('x'))), 'SESSION_CLOSED')
    await session.close()
  },
}

const bytes = (given) => new TextEncoder().encode(given)
const text = (given) => new TextDecoder().decode(given)

/** The code of the error that this fails with. */
export async function code(act) {
  try {
    await act()
    return 'none'
  } catch (error) {
    return error.code
  }
}
