import { asCommandError } from "../backend/backend";
import type {
  ActInput,
  AppState,
  Backend,
  BackendEvent,
  CommandError,
  Decision,
  Draft,
  InboxItem,
  NoticeKind,
  OpenItem,
  PartnershipDetail,
  PartnershipPage,
  PartnershipQuery,
  PauseChoice,
  Profile,
} from "../backend";
import type { Plural } from "../text/texts";
import { counted, t } from "../text/language.svelte";

export const SECTIONS = [
  "inbox",
  "partners",
  "accounts",
  "members",
  "activity",
  "settings",
] as const;
export type Section = (typeof SECTIONS)[number];
export type SettingsPart = "profiles" | "notifications" | "appearance" | "general" | "about";
export type Selected = { profile: string; kind: "partnership" | "account"; id: string };
export type Toast = { id: number; text: string; ok: boolean };

/** What can be read again. */
type Part = "state" | "inbox" | "list" | "detail";
type Place = { section: Section; selected: Selected | null };

/** How much of a list is asked for at once, and where it begins. */
export const FIRST_PAGE = { offset: 0, limit: 50 };

const isSame = (one: object, other: object) => JSON.stringify(one) === JSON.stringify(other);

/** Where the person was; null if what was kept is not a place. */
function readPlace(kept: string): Place | null {
  try {
    const { section, selected } = JSON.parse(kept || "null");
    if (!SECTIONS.includes(section)) return null;
    const isItem =
      (selected?.kind === "partnership" || selected?.kind === "account") &&
      typeof selected.id === "string" &&
      typeof selected.profile === "string";
    return { section, selected: isItem ? selected : null };
  } catch {
    return null;
  }
}

/** What lies on the desk: the profiles, what is selected, what is told. No rule is repeated here:
 * what can be done comes from `allowedActions`. */
export class Desk {
  app = $state.raw<AppState | null>(null);
  section = $state<Section>("partners");
  selected = $state.raw<Selected | null>(null);
  detail = $state.raw<PartnershipDetail | null>(null);
  detailError = $state.raw<CommandError | null>(null);
  /** What waits; read while it is shown. */
  inbox = $state.raw<InboxItem[] | null>(null);
  toasts = $state.raw<Toast[]>([]);
  /** Rises when the list of partnerships has other content. */
  listVersion = $state(0);
  /** Rises when accounts, access, members or activity have other content. */
  resourceVersion = $state(0);
  adding = $state(false);
  searching = $state(false);
  settingsPart = $state<SettingsPart>("profiles");
  connecting = $state(false);
  /** What was typed into the Add partner dialog and not sent. */
  draft = $state<Draft>({ guestWorkspaceId: "", partnerEmail: "", reason: "" });

  /** Whether nothing of the active profile was ever in step with its server. */
  isArriving = $derived.by(() => this.active?.asOf === null);
  active = $derived(this.app?.profiles.find((profile) => profile.id === this.app?.active) ?? null);

  readonly #backend: Backend;
  #toastNumber = 0;
  #memory: Promise<Partial<Record<string, string>>> | null = null;
  #place = "";
  /** Whether the person is where they were; before, there is nothing to remember. */
  #isThere = $state(false);
  #ahead: { profile: string; query: PartnershipQuery; page: PartnershipPage } | null = null;
  #dirty = new Set<Part>();
  #refreshing: Promise<void> | null = null;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get backend(): Backend {
    return this.#backend;
  }

  /** Begins to listen, and reads what is shown first, so that it can be painted at once. */
  async start(): Promise<() => void> {
    this.#memory = this.#backend.windowMemory().catch(() => ({}));
    const stop = await this.#backend.listen((event) => this.#heard(event));
    await this.#refresh("state");
    return stop;
  }

  /** Keeps where the person is, for the next window. */
  remember() {
    const place = JSON.stringify({ section: this.section, selected: this.selected });
    if (this.#isThere && place !== this.#place) {
      this.#place = place;
      void this.#backend.rememberForWindow("place", place).catch(() => {});
    }
  }

  /** Back to where the person was when the window was closed; at first, to what waits. */
  async #return(app: AppState) {
    const isOf = (profile: string) => app.profiles.some(({ id }) => id === profile);
    this.#place = (await this.#memory)?.["place"] ?? "";
    const place = readPlace(this.#place);
    const isWaiting = app.profiles.some((profile) => profile.waiting > 0);
    this.section = place?.section ?? (isWaiting ? "inbox" : "partners");
    this.selected = place?.selected && isOf(place.selected.profile) ? place.selected : null;
    if (this.section === "partners" && app.active) await this.#readAhead(app.active);
  }

  async #readAhead(profile: string) {
    const query: PartnershipQuery = { search: "", side: null, states: [], ...FIRST_PAGE };
    try {
      this.#ahead = { profile, query, page: await this.#backend.partnerships(profile, query) };
    } catch {
      // The list asks once more, and tells.
    }
  }

  /** A page of a profile's partnerships. */
  async partnerships(profile: string, query: PartnershipQuery): Promise<PartnershipPage> {
    const ahead = this.#ahead;
    this.#ahead = null;
    const isAhead = ahead?.profile === profile && isSame(ahead.query, query);
    return isAhead ? ahead.page : this.#backend.partnerships(profile, query);
  }

  profileOf(id: string): Profile | null {
    return this.app?.profiles.find((profile) => profile.id === id) ?? null;
  }

  /** Whether decisions of a profile can be sent just now. */
  isOnline(profile: Profile | null): boolean {
    const kind = profile?.connectivity.kind;
    return kind === "live" || kind === "polling";
  }

  go(section: Section) {
    if (this.section === section) return;
    this.section = section;
    if (section === "inbox") void this.#refresh("inbox");
    this.select(null);
  }

  openSettings(part: SettingsPart) {
    this.settingsPart = part;
    this.go("settings");
  }

  select(selected: Selected | null) {
    this.selected = selected;
    if (!selected) this.detail = null;
    else if (this.detail?.row.id !== selected.id) this.detail = null;
    this.detailError = null;
    void this.#refresh("detail");
  }

  /** Reads once more what could not be shown. */
  readAgain() {
    this.select(this.selected);
  }

  async activate(profile: string) {
    if (this.app?.active === profile) return;
    this.select(null);
    if (this.section === "inbox" || this.section === "settings") this.section = "partners";
    await this.change(() => this.#backend.activateProfile(profile));
    await this.#refresh("list");
  }

  async startDemo() {
    await this.change(() => this.#backend.startDemo());
  }

  async endDemo() {
    this.select(null);
    await this.change(() => this.#backend.endDemo());
  }

  /** Adds a profile. Throws the refusal, which the form shows at its field. */
  async connect(adding: () => Promise<AppState>) {
    try {
      this.app = await adding();
      this.connecting = false;
      this.select(null);
    } catch (error) {
      throw asCommandError(error);
    }
  }

  async signOut(profile: string) {
    this.select(null);
    await this.change(() => this.#backend.signOut(profile));
  }

  async pause(choice: PauseChoice | null) {
    await this.change(() => this.#backend.pauseNotifications(choice));
  }

  async dismiss(kind: NoticeKind) {
    await this.change(() => this.#backend.dismissNotice(kind));
  }

  async putOffUpdate() {
    await this.change(() => this.#backend.putOffUpdate());
  }

  /** Installs the newer version; if that succeeds, this program ends. */
  async installUpdate() {
    try {
      await this.#backend.installUpdate();
    } catch (error) {
      this.tell(asCommandError(error).message, false);
    }
  }

  async syncNow() {
    const profile = this.selected?.profile ?? this.app?.active;
    if (!profile) return;
    try {
      await this.#backend.syncNow(profile);
    } catch (error) {
      this.tell(asCommandError(error).message, false);
    }
  }

  /** Sends the draft. Throws the refusal; the draft stays until it was sent. */
  async sendDraft() {
    const profile = this.active;
    if (!profile) return;
    const reason = profile.requestNeedsReason ? (this.draft.reason ?? "") : null;
    let sent: PartnershipDetail;
    try {
      sent = await this.#backend.sendRequest(profile.id, { ...this.draft, reason });
    } catch (error) {
      throw asCommandError(error);
    }
    this.discardDraft();
    this.adding = false;
    this.section = "partners";
    this.tell(t.requestSent, true);
    this.selected = { profile: profile.id, kind: "partnership", id: sent.row.id };
    this.detail = sent;
    await this.#refresh("list");
  }

  discardDraft() {
    this.draft = { guestWorkspaceId: "", partnerEmail: "", reason: "" };
  }

  /** Decides on what is shown; what else it changed comes as an event. Throws the refusal after what
   * is shown was read again. */
  async decide(decision: Decision, done: string) {
    const { selected, detail } = this;
    if (!selected || !detail) return;
    try {
      const after = await this.#backend.decide(
        selected.profile,
        detail.row.id,
        detail.version,
        decision,
      );
      if (this.selected?.id === after.row.id) this.detail = after;
      this.tell(done, true);
    } catch (error) {
      const refusal = asCommandError(error);
      await this.#refresh("detail", "list", "state");
      throw refusal;
    }
  }

  /** Decides on several things, one after the other, each on the version that was shown. Tells at the
   * end how many were decided, and why the others were not. */
  async decideAll(decisions: (() => Promise<unknown>)[], done: Plural) {
    let refused = 0;
    let why = "";
    for (const decide of decisions) {
      try {
        await decide();
      } catch (thrown) {
        refused += 1;
        why ||= asCommandError(thrown).message;
      }
    }
    const decided = decisions.length - refused;
    if (decided > 0) this.tell(counted(decided, done), true);
    if (refused > 0) {
      this.tell(counted(refused, t.counts.manyRefused, { why }), false);
      this.resourceVersion += 1;
      await this.#refresh("detail", "list", "state");
    }
  }

  /** Does something beside deciding on partnerships; what it changed comes as an event. Throws the
   * refusal, and reads again what is shown. */
  async act(input: ActInput, done: string) {
    const profile = this.selected?.profile ?? this.app?.active;
    if (!profile) return;
    try {
      await this.#backend.act(profile, input);
      this.tell(done, true);
    } catch (error) {
      this.resourceVersion += 1;
      void this.#refresh("state", "detail");
      throw asCommandError(error);
    }
  }

  /** Asks for what is new in the Activity Log; without a server what is kept is shown. */
  async readActivities(profile: string) {
    if (!this.isOnline(this.profileOf(profile))) return;
    try {
      await this.#backend.readActivities(profile);
    } catch (error) {
      this.tell(asCommandError(error).message, false);
    }
  }

  tell(text: string, ok: boolean) {
    const id = ++this.#toastNumber;
    this.toasts = [...this.toasts.slice(-2), { id, text, ok }];
    // What went wrong stays until it was read; the rest goes by itself.
    if (ok) setTimeout(() => this.untell(id), 6_000);
  }

  untell(id: number) {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  #heard(event: BackendEvent) {
    switch (event.kind) {
      case "state_changed":
        void this.#refresh("state");
        break;
      case "partnerships_changed":
        void this.#refresh("state", "list");
        if (event.ids.length === 0 || event.ids.includes(this.selected?.id ?? "")) {
          void this.#refresh("detail");
        }
        break;
      case "resources_changed":
        this.resourceVersion += 1;
        if (event.kinds.includes("access_request")) void this.#refresh("state");
        break;
      case "item_opened":
        void this.#open(event.item);
        break;
      case "decision_settled":
        this.tell(event.message, event.ok);
        void this.#refresh("detail");
        break;
    }
  }

  async #open({ profile, kind, id }: OpenItem) {
    if (kind === "unknown") {
      this.tell(t.linkUnknown, false);
      return;
    }
    if (profile && profile !== this.app?.active) await this.activate(profile);
    if (kind === "inbox") {
      this.go("inbox");
    } else if (kind === "partners" || !profile || !id) {
      this.go("partners");
    } else {
      this.section = kind === "account" ? "accounts" : "partners";
      this.select({ profile, kind, id });
    }
  }

  /** Changes something of the program; a refusal is told. */
  async change(command: () => Promise<AppState>) {
    try {
      await this.tryChange(command);
    } catch (error) {
      this.tell(asCommandError(error).message, false);
    }
  }

  /** Changes something of the program. Throws the refusal. */
  async tryChange(command: () => Promise<AppState>) {
    try {
      this.app = await command();
    } catch (error) {
      throw asCommandError(error);
    } finally {
      await this.#refresh("state", "list");
    }
  }

  /** Reads again what is marked; what is marked meanwhile is read once more after it. */
  async #refresh(...what: Part[]) {
    for (const part of what) this.#dirty.add(part);
    this.#refreshing ??= this.#readMarked().finally(() => (this.#refreshing = null));
    await this.#refreshing;
  }

  async #readMarked() {
    try {
      while (this.#dirty.size > 0) {
        const dirty = new Set(this.#dirty);
        this.#dirty.clear();
        if (dirty.has("state")) await this.#readState();
        else if (dirty.has("inbox")) await this.#readInbox();
        if (dirty.has("list")) this.listVersion += 1;
        if (dirty.has("detail") || dirty.has("state")) await this.#readDetail();
      }
    } catch (error) {
      this.tell(asCommandError(error).message, false);
    }
  }

  async #readState() {
    const app = await this.#backend.appState();
    if (!this.#isThere && app.ready) {
      if (!app.openItem) await this.#return(app);
      this.#isThere = true;
    }
    await this.#readInbox();
    this.app = app;
    if (app.openItem) void this.#open(app.openItem);
  }

  async #readInbox() {
    if (this.section === "inbox") this.inbox = await this.#backend.inbox();
  }

  async #readDetail() {
    const selected = this.selected;
    if (selected?.kind !== "partnership") return;
    try {
      const detail = await this.#backend.partnership(selected.profile, selected.id);
      if (this.selected?.id === selected.id) {
        this.detail = detail;
        this.detailError = null;
      }
    } catch (error) {
      if (this.selected?.id === selected.id) {
        this.detail = null;
        this.detailError = asCommandError(error);
      }
    }
  }
}
