//! As much of `URL` as addresses of servers need: mini programs have none.

/** Scheme, user and password, host, port, path, query; a fragment is not sent. */
const WHOLE = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:([^/?#]*)@)?(\[[0-9a-f:.]*\]|[^/?#@:[\]]*)(?::(\d*))?(?=[/?#]|$)|(?!\/\/))([^?#]*)(\?[^#]*)?(?:#.*)?$/i
const MOST_PORT = 65_535

export class SmallUrl {
  readonly protocol: string
  readonly username: string
  readonly password: string
  readonly hostname: string
  readonly port: string
  readonly pathname: string
  readonly search: string
  readonly searchParams: [name: string, value: string][]

  constructor(text: string) {
    const found = WHOLE.exec(text.trim())
    const [, scheme = '', login = '', host = '', port = '', path = '', query = ''] = found ?? []
    if (found === null || Number(port) > MOST_PORT || /[\s<>^|%]/.test(host)) throw new TypeError('Invalid URL')
    const colon = login.indexOf(':')
    this.protocol = `${scheme.toLowerCase()}:`
    this.username = colon < 0 ? login : login.slice(0, colon)
    this.password = colon < 0 ? '' : login.slice(colon + 1)
    this.hostname = host.toLowerCase()
    this.port = port
    this.pathname = encoded(path)
    this.search = query === '?' ? '' : encoded(query)
    this.searchParams = paramsOf(query)
  }
}

/** What a request must not have as it is. */
function encoded(text: string): string {
  return text.replace(/[^\x21-\x7e]+/g, encodeURIComponent)
}

function paramsOf(query: string): [string, string][] {
  const parts = query.slice(1).split('&').filter((part) => part !== '')
  return parts.map((part) => {
    const equals = part.indexOf('=')
    return equals < 0 ? [decoded(part), ''] : [decoded(part.slice(0, equals)), decoded(part.slice(equals + 1))]
  })
}

function decoded(text: string): string {
  return text.replace(/\+/g, ' ').replace(/(%[0-9a-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes)
    } catch {
      return bytes
    }
  })
}
