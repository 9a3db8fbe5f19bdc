// What this app reads of session descriptions; the browser reads the rest. Pure.

/** The origin that one peer connection keeps for its life: user name and session id (RFC 8829 §5.2.2). */
function originOf(sdp: string): string {
  return /^o=(\S+ \S+) /m.exec(sdp)?.[1] ?? '';
}

/**
 * Whether an answer comes from the peer that gave the earlier one; without an earlier one, it does. The
 * answer of another peer fits no peer connection that was in use: its keys are others (RFC 8842 §5.5).
 */
export function samePeer(earlier: string, answer: string): boolean {
  return earlier === '' || originOf(earlier) === originOf(answer);
}
