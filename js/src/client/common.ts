//! Small things that several parts of the client use.

export const EMPTY = Buffer.alloc(0)

export const noop = (): void => {}

export function hasAny(properties: object | undefined | null): boolean {
  return properties != null && Object.keys(properties).length > 0
}

/** Options may be left out: then the callback is in their place. */
export function split<Options extends object, Callback extends (...args: any[]) => any>(
  given: Options | Callback | undefined,
  callback: Callback | undefined,
): [options: Partial<Options>, done: Callback | undefined] {
  if (typeof given === 'function') return [{}, given as Callback]
  return [given ?? {}, callback]
}

/** What calls back, as a promise. */
export function promised<T>(
  act: (done: (error?: Error | null, value?: T) => void) => void,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    act((error, value) => {
      if (error) reject(error)
      else resolve(value)
    })
  })
}
