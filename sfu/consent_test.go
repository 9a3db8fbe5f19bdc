package sfu

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"github.com/parley/parley/sfu/sfutest"
)

const (
	ourSDP   = "v=0\r\na=ice-ufrag:ours\r\na=ice-pwd:our-secret-our-secret-ours\r\n"
	theirSDP = "v=0\r\na=ice-pwd:their-secret-their-secret\r\na=ice-ufrag:they\r\n"
)

// settledConsent is that of a connection that stands.
func settledConsent() *consent {
	c := &consent{made: time.Now()}
	c.negotiated(newCredentials(ourSDP, theirSDP), c.made)
	c.settled()
	return c
}

// usual is what a browser asks about a connection that stands.
func usual() []stun.Setter {
	return []stun.Setter{
		stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:they"), ice.PriorityAttr(1), ice.UseCandidate(),
		ice.AttrControlling(7), stun.NewShortTermIntegrity("our-secret-our-secret-ours"), stun.Fingerprint,
	}
}

func build(t testing.TB, setters ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(setters...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func TestTheUsualQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	from := netip.MustParseAddrPort("192.0.2.7:4000")
	c, later := settledConsent(), time.Now().Add(time.Minute)
	question := build(t, usual()...)
	raw, taken := c.takeSTUN(question, from, later)
	answer := &stun.Message{Raw: slices.Clone(raw)}
	var mapped stun.XORMappedAddress
	if err := answer.Decode(); !taken || err != nil || answer.Type != stun.BindingSuccess ||
		stun.NewShortTermIntegrity("our-secret-our-secret-ours").Check(answer) != nil || stun.Fingerprint.Check(answer) != nil ||
		mapped.GetFrom(answer) != nil || mapped.String() != from.String() || string(answer.Raw[8:20]) != string(question[8:20]) {
		t.Errorf("taken %v, answer %v to %v", taken, answer, mapped)
	}
	if silence := c.silence(later); silence != 0 {
		t.Errorf("not heard for %v", silence)
	}
}

// What is not genuine, or might change something, is left to Pion and says nothing of consent.
func TestOtherQuestionsAreLeftToPion(t *testing.T) {
	t.Parallel()
	from := netip.MustParseAddrPort("192.0.2.7:4000")
	replaced := func(at int, by ...stun.Setter) []byte { return build(t, slices.Replace(usual(), at, at+1, by...)...) }
	broken := build(t, usual()...)
	broken[len(broken)-1] ^= 1
	for name, b := range map[string][]byte{
		"another user":      replaced(2, stun.NewUsername("ours:else")),
		"no user":           replaced(2),
		"another secret":    replaced(6, stun.NewShortTermIntegrity("guessed")),
		"no secret":         replaced(6),
		"a role conflict":   replaced(5, ice.AttrControlled(7)),
		"an unknown need":   replaced(3, stun.RawAttribute{Type: 0x7777, Value: []byte{1, 2, 3, 4}}),
		"another method":    replaced(1, stun.NewType(stun.MethodAllocate, stun.ClassRequest)),
		"an indication":     replaced(1, stun.NewType(stun.MethodBinding, stun.ClassIndication)),
		"an answer unasked": replaced(1, stun.BindingSuccess),
		"a broken print":    broken,
		"a part":            build(t, usual()...)[:40],
		"nothing":           {},
	} {
		c := settledConsent()
		if answer, taken := c.takeSTUN(b, from, time.Now().Add(time.Minute)); taken || answer != nil {
			t.Errorf("%s is answered", name)
		}
		if c.silence(c.made) != 0 {
			t.Errorf("%s is heard", name)
		}
	}
}

// While ICE restarts, Pion has to see what is asked by the new names, wherever it comes from.
func TestARestartIsLeftToPion(t *testing.T) {
	t.Parallel()
	c, from := settledConsent(), netip.MustParseAddrPort("192.0.2.7:4000")
	taken := func() bool {
		_, taken := c.takeSTUN(build(t, usual()...), from, time.Now())
		return taken
	}
	c.negotiated(newCredentials(ourSDP, theirSDP), time.Now())
	if !taken() {
		t.Error("an offer that restarts nothing changes who answers")
	}
	c.negotiated(newCredentials("a=ice-ufrag:new\na=ice-pwd:new-secret", theirSDP), time.Now())
	if taken() || c.question() != nil {
		t.Error("answered by the old names, or asks by new ones, before a way is chosen")
	}
	c.settled()
	if taken() || c.question() == nil {
		t.Error("does not go by the new names")
	}
}

// A browser that is silent is asked, by a question that a real agent answers, and is heard then.
func TestWhoIsSilentIsAsked(t *testing.T) {
	t.Parallel()
	for name, browse := range map[string]func(testing.TB, sfutest.Lines) *sfutest.Browser{
		"udp": sfutest.New, "tcp": sfutest.NewTCP,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := connectedPeer(t, browse)
			c := &p.sender.consent
			await := func(what string, done func() bool) {
				t.Helper()
				for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal(what)
					}
				}
			}
			await("Pion still answers", func() bool { return c.credentials.Load() != nil })
			expected := func() int {
				c.mu.Lock()
				defer c.mu.Unlock()
				return len(c.asked)
			}
			p.ask()
			await("no answer", func() bool { return expected() == 0 })
			c.hear(c.made.Add(-time.Minute))
			await("its own question is not heard", func() bool { return c.silence(time.Now()) < askAfter })
		})
	}
}

func TestSilenceIsNoticed(t *testing.T) {
	t.Parallel()
	state := PeerState("")
	for _, step := range []struct {
		silent time.Duration
		stands bool
		want   PeerState
	}{
		{disconnectAfter, false, ""},
		{0, true, Connected},
		{disconnectAfter - 1, true, Connected},
		{disconnectAfter, true, Disconnected},
		{failAfter - 1, true, Disconnected},
		{failAfter, true, Failed},
		{1, true, Connected}, // after a restart of ICE
		{failAfter, false, Failed},
	} {
		if state = state.after(step.silent, step.stands); state != step.want {
			t.Errorf("silent for %v: %q, not %q", step.silent, state, step.want)
		}
	}
}

func FuzzConsent(f *testing.F) {
	f.Add(build(f, usual()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := settledConsent()
		answer, taken := c.takeSTUN(b, netip.MustParseAddrPort("[2001:db8::7]:4000"), time.Now())
		if answer != nil && !taken {
			t.Error("answered and passed on")
		}
	})
}
