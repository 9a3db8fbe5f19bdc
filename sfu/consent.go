package sfu

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

const (
	// Whoever was not heard for askAfter is asked, once a second. Then they are disconnected after
	// disconnectAfter, which a person sees, and failed after failAfter. A change of network takes a phone about
	// three seconds.
	askAfter        = 2 * time.Second
	disconnectAfter = 5 * time.Second
	failAfter       = 25 * time.Second
	// Consent to be sent to is given by nothing but the answer to a question, and lasts for consentLasts (RFC 7675
	// §5.1). It is renewed in time for fifteen questions to be lost.
	renewAfter   = 15 * time.Second
	consentLasts = 30 * time.Second
	// mostAsked is how many questions may be answered: older ones are forgotten.
	mostAsked = 4
)

// consent knows whether a browser is still there, by whatever genuine comes from it, or when that is nothing, by
// asking; and whether it wants what is sent to it, by asking alone: what comes may be somebody else's, who
// repeats what was recorded. It answers the browser's own questions too, past Pion: what is asked of a
// connection that stands takes Pion five goroutines.
type consent struct {
	made        time.Time                   // constant
	credentials atomic.Pointer[credentials] // nil while it is Pion that answers
	heard       atomic.Int64                // when something genuine came, nanoseconds after made
	given       atomic.Int64                // when consent was, likewise

	mu      sync.Mutex // guards all below
	pending *credentials
	asked   [][stun.TransactionIDSize]byte
	in      stun.Message // scratch
}

// credentials are those of ICE (RFC 8445 §5.3), which change when it restarts.
type credentials struct {
	local, remote             string // the user's name in requests of the browser, and in ours
	localSecret, remoteSecret stun.MessageIntegrity
	role                      stun.Setter // of us
}

// newCredentials reads them from the two descriptions of a connection, of which all lines have the same.
func newCredentials(ours, theirs string) *credentials {
	us, they := attribute(ours, "ice-ufrag"), attribute(theirs, "ice-ufrag")
	// Who offers controls, unless it cannot (RFC 8445 §6.1.1).
	var role stun.Setter = ice.AttrControlled(rand.Uint64()) //nolint:gosec // who is controlled is not in doubt
	if isLite(theirs) {
		role = ice.AttrControlling(rand.Uint64()) //nolint:gosec // likewise
	}
	return &credentials{
		local: us + ":" + they, localSecret: stun.NewShortTermIntegrity(attribute(ours, "ice-pwd")),
		remote: they + ":" + us, remoteSecret: stun.NewShortTermIntegrity(attribute(theirs, "ice-pwd")),
		role: role,
	}
}

// attribute is the first value of an attribute in a description, "" for none.
func attribute(description, name string) string {
	for line := range strings.Lines(description) {
		if value, ok := strings.CutPrefix(line, "a="+name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// negotiated notes the credentials of a negotiation. New ones leave the answers to Pion, until it has
// chosen a way for them: a restart may use the same ports. It reports whether they are new.
func (c *consent) negotiated(agreed *credentials, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hear(now) // it is there; its media may take a while
	if c.pending != nil && c.pending.local == agreed.local {
		return false
	}
	c.pending = agreed
	c.credentials.Store(nil)
	return true
}

// settled says that Pion has chosen a way, for which it was given an answer.
func (c *consent) settled(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.credentials.Store(c.pending)
	c.give(now)
}

// give notes that the browser answered, and so consents.
func (c *consent) give(now time.Time) {
	c.given.Store(int64(now.Sub(c.made)))
	c.hear(now)
}

// end notes that the browser wants nothing more.
func (c *consent) end(now time.Time) { c.given.Store(int64(now.Sub(c.made) - consentLasts)) }

// hear notes that something genuine came that was not seen before.
func (c *consent) hear(now time.Time) { c.heard.Store(int64(now.Sub(c.made))) }

// silence is how long nothing came.
func (c *consent) silence(now time.Time) time.Duration {
	return now.Sub(c.made) - time.Duration(c.heard.Load())
}

// age is how long ago consent was given.
func (c *consent) age(now time.Time) time.Duration {
	return now.Sub(c.made) - time.Duration(c.given.Load())
}

// due reports whether to ask a browser. Who has let consent end is let alone, until there is a sign of it.
func (c *consent) due(now time.Time) bool {
	silence, age := c.silence(now), c.age(now)
	return age < consentLasts && (silence >= askAfter || age >= renewAfter) || age >= consentLasts && silence < askAfter
}

// ended reports whether nothing more may be sent to a browser.
func (c *consent) ended(now time.Time) bool {
	return c.silence(now) >= failAfter || c.age(now) >= consentLasts
}

// takeSTUN reads a datagram from where the browser is. It gives the answer to a question that is as usual
// on a connection that stands; taken is false for what is Pion's affair.
func (c *consent) takeSTUN(b []byte, from netip.AddrPort, now time.Time) (answer []byte, taken bool) {
	agreed := c.credentials.Load()
	if agreed == nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := &c.in
	m.Raw = append(m.Raw[:0], b...)
	if m.Decode() != nil {
		return nil, false
	}
	switch m.Type {
	case stun.BindingRequest:
		if !agreed.ask(m) {
			return nil, false
		}
		mapped := stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())}
		built, err := stun.Build(m, stun.BindingSuccess, mapped, agreed.localSecret, stun.Fingerprint)
		if err != nil {
			return nil, false
		}
		answer = built.Raw
		c.hear(now)
	case stun.BindingSuccess:
		at := slices.Index(c.asked, m.TransactionID)
		if at < 0 || agreed.remoteSecret.Check(m) != nil {
			return nil, false
		}
		c.asked = slices.Delete(c.asked, at, at+1)
		c.give(now)
	default:
		return nil, false
	}
	return answer, true
}

// ask reports whether m is a genuine question that leaves everything as it is: from the controlling side,
// with nothing in it that has to be understood and is not (RFC 8489 §6.3.1).
func (agreed *credentials) ask(m *stun.Message) bool {
	for _, a := range m.Attributes {
		switch a.Type {
		case stun.AttrUsername:
			if string(a.Value) != agreed.local {
				return false
			}
		case stun.AttrICEControlled:
			return false
		case stun.AttrMessageIntegrity, stun.AttrPriority, stun.AttrUseCandidate:
		default:
			if a.Type.Required() {
				return false
			}
		}
	}
	return m.Contains(stun.AttrUsername) && agreed.localSecret.Check(m) == nil &&
		(!m.Contains(stun.AttrFingerprint) || stun.Fingerprint.Check(m) == nil)
}

// question is a new one.
func (agreed *credentials) question() (*stun.Message, error) {
	const priority = 1                                                                          // says nothing: no candidate is made of this
	return stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(agreed.remote), //nolint:wrapcheck // nobody reads it
		ice.PriorityAttr(priority), agreed.role, agreed.remoteSecret, stun.Fingerprint)
}

// question is one to ask the browser; nil where its way is not chosen. Its answer is expected from now on.
func (c *consent) question() []byte {
	agreed := c.credentials.Load()
	if agreed == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	built, err := agreed.question()
	if err != nil {
		return nil
	}
	if len(c.asked) == mostAsked {
		c.asked = slices.Delete(c.asked, 0, 1)
	}
	c.asked = append(c.asked, built.TransactionID)
	return built.Raw
}
