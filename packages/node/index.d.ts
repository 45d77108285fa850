import type { AuthenticateRequestOptions, NodeRequest, RequestState } from './authentication';
import type { ErrorCode } from './error-codes';
import type {
  ActorTokens,
  AllowlistIdentifiers,
  BlocklistIdentifiers,
  Domains,
  EmailAddresses,
  InstanceOperations,
  Jwks,
  PhoneNumbers,
  RedirectUrls,
  SignInTokens,
  TestingTokens,
} from './operations';
import type { Clients, Invitations, JwtTemplates, Sessions } from './sign_in';
import type { Users } from './users';

export * from './authentication';
export * from './error-codes';
export * from './objects';
export * from './operations';
export * from './sign_in';
export * from './users';

export type ClerkOptions = Omit<AuthenticateRequestOptions, 'acceptsToken'> & {
  /** `sk_…`; it is needed with the first call. */
  secretKey?: string;
  /** Default `https://api.clerk.com`, the hosted service. */
  apiUrl?: string;
  /** Put before the package's own name in the header `User-Agent`. */
  userAgent?: string;
  /** How long a call may take with all its repetitions, in milliseconds. Default 30,000. */
  timeoutMs?: number;
  /** Options of the official SDK that need no other value here. They are not looked at. */
  telemetry?: unknown;
  sdkMetadata?: unknown;
};

export interface ClerkClient {
  /** Who made a request, a `Request` of the web or of Node's own server: by the token in `Authorization`, else by the cookies. */
  authenticateRequest(request: Request | NodeRequest, options?: AuthenticateRequestOptions): Promise<RequestState>;
  readonly actorTokens: ActorTokens;
  readonly allowlistIdentifiers: AllowlistIdentifiers;
  readonly blocklistIdentifiers: BlocklistIdentifiers;
  readonly clients: Clients;
  readonly domains: Domains;
  readonly emailAddresses: EmailAddresses;
  readonly instance: InstanceOperations;
  readonly invitations: Invitations;
  readonly jwks: Jwks;
  readonly jwtTemplates: JwtTemplates;
  readonly phoneNumbers: PhoneNumbers;
  readonly redirectUrls: RedirectUrls;
  readonly sessions: Sessions;
  readonly signInTokens: SignInTokens;
  readonly testingTokens: TestingTokens;
  readonly users: Users;
}

/** A client of the Backend API. Nothing is sent, and no native code loaded, before the first call. */
export declare function createClerkClient(options?: ClerkOptions): ClerkClient;

/** One thing that the service found wrong. */
export interface ApiErrorDetail {
  /** For programs. */
  code: ErrorCode;
  /** Short, for people. */
  message: string;
  /** Longer, for people. */
  longMessage?: string;
  /** Facts for programs. */
  meta?: { paramName?: string; [fact: string]: unknown };
}

/** A call that the service refused, or that got no answer. Its message has no key, code, number or address in it. */
export declare class ApiError extends Error {
  static readonly kind: 'ClerkAPIResponseError';
  private constructor(failure: unknown);
  readonly clerkError: true;
  readonly code: 'api_response_error';
  /** The HTTP status; `undefined` if there was no answer. */
  readonly status: number | undefined;
  /** Everything that was found wrong; `unexpected_error` if there was no answer that could be read. */
  readonly errors: ApiErrorDetail[];
  /** The id under which the service has the request in its log. */
  readonly clerkTraceId: string;
  /** How long the service asks to wait, in seconds. */
  readonly retryAfter: number | undefined;
  /** `api`: the service refused. All others: there was no answer, or none that could be read. */
  readonly reason: 'api' | 'timeout' | 'connect' | 'interrupted' | 'decode';
  /** How often the request was sent. */
  readonly attempts: number;
}

/** Whether this is an {@link ApiError}, or its like of the official SDK. */
export declare function isApiError(error: unknown): error is ApiError;

/** A message that would have been sent to a person. */
export interface InboxMessage {
  readonly id: string;
  readonly object: 'message';
  readonly channel: 'sms' | 'email';
  /** The number or address. */
  readonly to: string;
  readonly subject: string | null;
  readonly text: string;
  /** The code in it; `null` if it has none, as that of an invitation, whose link is in the text. */
  readonly code: string | null;
  readonly phoneNumberId: string | null;
  readonly emailAddressId: string | null;
  readonly invitationId: string | null;
  /** `null` for an invitation. */
  readonly userId: string | null;
  readonly verificationId: string | null;
  /** `not_sent`: a test number, to which nothing is ever sent. */
  readonly status: 'queued' | 'accepted' | 'delivered' | 'failed' | 'unknown' | 'not_sent';
  /** Unix milliseconds. */
  readonly createdAt: number;
}

/** A whole server in this process. */
export interface Verger {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly secretKey: string;
  /** `ins_…`. */
  readonly instanceId: string;
  /**
   * The messages that would have been sent, newest first. One is there before the call that caused it is answered.
   * Nothing is sent to the reserved test numbers (+1 XXX 555 01XX): their code is always 424242.
   */
  inbox(): InboxMessage[];
  /** Moves the server's time forward, by up to ten years. */
  advanceClock(durationMs: number): void;
  /**
   * Empties the instance, sets its settings back to their defaults and the time back to now. The secret key, the signing keys
   * and the hosts stay.
   */
  reset(): Promise<void>;
  /** Frees the port and the memory; calls in flight are answered first. */
  stop(): Promise<void>;
}

/**
 * Starts a server on a free port of the loopback interface, in memory, with nothing in it. Many can run at a time; they
 * know nothing of each other. A server does not keep the process from ending.
 */
export declare function startVerger(): Promise<Verger>;
