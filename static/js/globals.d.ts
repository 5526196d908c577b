/* What the modules take from outside of themselves: the part of htmx 2 and of its socket extension
   that they use (both come with django-htmx, before the modules), and our own events. */

interface HtmxRequestConfig {
  elt: HTMLElement;
  verb: string;
  path: string;
  headers: Record<string, string>;
  parameters: Record<string, unknown>;
  /** Ours, see inbox/pane_lock.js: the row that opens was gone to by key. */
  openedByKey?: boolean;
}

interface HtmxResponse {
  elt: HTMLElement;
  target: HTMLElement;
  xhr: XMLHttpRequest;
  requestConfig: HtmxRequestConfig;
}

interface HtmxSwap extends HtmxResponse {
  serverResponse: string;
  shouldSwap: boolean;
  isError: boolean;
  ignoreTitle: boolean;
  swapOverride?: string;
}

interface HtmxSocketWrapper {
  reconnect(): void;
}

interface HtmxHistory {
  history: { type: "push" | "replace"; path: string };
}

interface Htmx {
  config: { wsReconnectDelay: (count: number) => number };
  ajax(verb: string, path: string, context: {
    source: Element;
    target: Element;
    values: Record<string, unknown>;
  }): Promise<void>;
  process(element: Element): void;
  trigger(element: Element | string, event: string): void;
}

declare const htmx: Htmx;

interface DocumentEventMap {
  "htmx:configRequest": CustomEvent<HtmxRequestConfig>;
  "htmx:beforeRequest": CustomEvent<HtmxResponse>;
  "htmx:afterRequest": CustomEvent<HtmxResponse>;
  "htmx:afterOnLoad": CustomEvent<HtmxResponse>;
  "htmx:beforeSwap": CustomEvent<HtmxSwap>;
  "htmx:afterSwap": CustomEvent<Partial<HtmxResponse> & Pick<HtmxResponse, "xhr">>;
  "htmx:oobBeforeSwap": CustomEvent<{
    target: HTMLElement;
    fragment: DocumentFragment;
    shouldSwap: boolean;
  }>;
  "htmx:oobAfterSwap": CustomEvent<{ target: HTMLElement }>;
  "htmx:beforeHistoryUpdate": CustomEvent<HtmxResponse & HtmxHistory>;
  "htmx:historyRestore": CustomEvent<{ path: string }>;
  "htmx:sendError": CustomEvent<HtmxResponse>;
  "htmx:sendAbort": CustomEvent<HtmxResponse>;
  "htmx:timeout": CustomEvent<HtmxResponse>;
  "htmx:responseError": CustomEvent<HtmxResponse>;
  "htmx:wsOpen": CustomEvent<{ socketWrapper: HtmxSocketWrapper }>;
  "htmx:wsClose": CustomEvent<{ event: CloseEvent; socketWrapper: HtmxSocketWrapper }>;
  "htmx:wsBeforeMessage": CustomEvent<{ message: string }>;
  /** Ours, see shortcuts.js: a row was gone to by key. */
  rowfocus: CustomEvent<null>;
  /** Ours, see inbox/freeze.js: the list may move again. */
  listfree: CustomEvent<null>;
  /** Ours, see inbox/changes.js: rows came, left, or look different. */
  rowschanged: CustomEvent<null>;
}

/** What the socket tells about a request. */
type RequestChange = {
  id: string;
  kind: "added" | "changed";
  version: string;
  workflow: string;
  priority: number;
  level: string;
  created: string;
  claimed: [string, string] | null;
} | { id: string; kind: "removed" };

/** A message of the socket. */
type LiveMessage = { state: "live" | "delayed" | "reconnecting" } | {
  state?: undefined;
  n: number;
  spread: number;
  read?: boolean;
  changes?: RequestChange[];
};

interface HTMLElementEventMap {
  /** Ours, see live.js. */
  refresh: CustomEvent<null>;
  changes: CustomEvent<{ changes: RequestChange[]; spread: number }>;
  /** Ours, see inbox/next_request.js. */
  decided: CustomEvent<null>;
}
