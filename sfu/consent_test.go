package sfu

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
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
	c.settled(c.made)
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
	c.settled(time.Now())
	if taken() || c.question() == nil {
		t.Error("does not go by the new names")
	}
}

// A browser that is silent is asked, by a question that a real agent answers, and is heard then.
func TestWhoIsSilentIsAsked(t *testing.T) {
	t.Parallel()
	for name, browse := range map[string]func(testing.TB, sfutest.Lines) *sfutest.Browser{
		"udp": sfutest.New, "tcp": sfutest.NewTCP, "lite": sfutest.NewLite,
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
		silent, age time.Duration
		stands      bool
		want        PeerState
	}{
		{disconnectAfter, 0, false, ""},
		{0, 0, true, Connected},
		{disconnectAfter - 1, disconnectAfter, true, Connected},
		{disconnectAfter, disconnectAfter, true, Disconnected},
		{failAfter - 1, failAfter, true, Disconnected},
		{failAfter, failAfter, true, Failed},
		{1, 0, true, Connected}, // after a restart of ICE
		{failAfter, 0, false, Failed},
		{0, consentLasts - 1, true, Connected},
		{0, consentLasts, true, Failed},
	} {
		if state = state.after(step.silent, step.age, step.stands); state != step.want {
			t.Errorf("silent for %v, consent given %v ago: %q, not %q", step.silent, step.age, state, step.want)
		}
	}
}

// answerTo is what a browser answers to a question.
func answerTo(t testing.TB, question []byte) []byte {
	t.Helper()
	m := &stun.Message{Raw: question}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	return build(t, m, stun.BindingSuccess, &stun.XORMappedAddress{IP: []byte{192, 0, 2, 1}, Port: 8443},
		stun.NewShortTermIntegrity("their-secret-their-secret"), stun.Fingerprint)
}

// Whatever comes otherwise might be a recording that somebody else sends.
func TestOnlyAnAnswerToItsOwnQuestionRenewsConsent(t *testing.T) {
	t.Parallel()
	from := netip.MustParseAddrPort("192.0.2.7:4000")
	c := settledConsent()
	answer := answerTo(t, c.question())
	if _, taken := c.takeSTUN(answer, from, c.made); !taken {
		t.Fatal("an answer is not taken")
	}
	asked := build(t, usual()...)
	for second := range int(consentLasts / time.Second) {
		now := c.made.Add(time.Duration(second) * time.Second)
		if c.ended(now) || c.due(now) != (now.Sub(c.made) >= renewAfter) {
			t.Errorf("after %d s: ended %v, asked %v", second, c.ended(now), c.due(now))
		}
		c.hear(now)
		if _, taken := c.takeSTUN(asked, from, now); !taken {
			t.Fatal("its question is not taken")
		}
		if _, taken := c.takeSTUN(answer, from, now); taken {
			t.Error("an answer is taken again")
		}
	}
	now := c.made.Add(consentLasts)
	if !c.ended(now) || !c.due(now) {
		t.Errorf("who is heard, and answers nothing: ended %v, asked %v", c.ended(now), c.due(now))
	}
	if later := now.Add(askAfter); c.due(later) {
		t.Error("who is silent is asked for ever")
	}
	if _, taken := c.takeSTUN(answerTo(t, c.question()), from, now); !taken || c.ended(now) {
		t.Error("who answers again stays away")
	}
}

// A question costs as much as ten packets of media.
func TestWhoIsHeardAndAnswersIsAskedSeldom(t *testing.T) {
	t.Parallel()
	c, asked := settledConsent(), 0
	const minutes = 10
	for second := range minutes * 60 {
		now := c.made.Add(time.Duration(second) * time.Second)
		c.hear(now)
		if c.due(now) {
			asked++
			c.takeSTUN(answerTo(t, c.question()), netip.MustParseAddrPort("192.0.2.7:4000"), now)
		}
	}
	if most := minutes * 60 / int(renewAfter/time.Second); asked > most || asked < most-1 {
		t.Errorf("asked %d times in %d minutes", asked, minutes)
	}
}

// Who does not answer is sent nothing, whatever comes from there and however long signalling lives; and is sent
// to again once they answer.
func TestNothingIsSentWithoutConsent(t *testing.T) {
	t.Parallel()
	room := openTestRoom(t)
	lines := sfutest.Lines{Sends: []parley.Source{parley.Microphone}, Voices: 1}
	speaker, listener := sfutest.New(t, lines), sfutest.New(t, lines)
	connect(t, room, PeerConfig{Participant: "ann", Number: 1, Publish: true}, speaker)
	ben := connect(t, room, PeerConfig{Participant: "ben", Number: 2, Publish: true}, listener)
	var voices [2]sfutest.Opus
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	until := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !done(); <-ticker.C {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
			for k, b := range []*sfutest.Browser{speaker, listener} {
				b.Send(parley.Microphone, voices[k].Next())
			}
		}
	}
	heard := func() int { return len(listener.Received(listener.Voices[0])) }
	until("ann is not heard", func() bool { return heard() > 5 })

	c := &ben.sender.consent
	genuine := c.credentials.Load()
	deaf := *genuine
	deaf.remoteSecret = stun.NewShortTermIntegrity("another")
	c.credentials.Store(&deaf)
	c.end(time.Now())
	until("what is sent does not end", ben.withheld.Load)
	told := func() uint32 {
		by := ben.path.Load().rtcp
		by.mu.Lock()
		defer by.mu.Unlock()
		return by.index
	}
	speak := func(packets uint16) {
		begun := voices[0].Seq
		until("nobody speaks", func() bool { return voices[0].Seq-begun >= packets })
	}
	speak(50) // what was on its way has come
	reports, before := told(), heard()
	speak(400) // two reports would be due
	if now := heard(); now != before {
		t.Errorf("%d packets are sent to who does not answer", now-before)
	}
	if now := told(); now != reports {
		t.Errorf("%d reports are sent to who does not answer", now-reports)
	}
	before = heard()
	c.credentials.Store(genuine)
	until("who answers again is sent nothing", func() bool { return heard() > before+5 })
}

// Signalling may live on when a page has closed its connection.
func TestWhoClosesIsSentNothing(t *testing.T) {
	t.Parallel()
	browser := sfutest.New(t, sfutest.Lines{Sends: []parley.Source{parley.Microphone}, Voices: 1})
	p := connect(t, openTestRoom(t), PeerConfig{Participant: "ann", Number: 1}, browser)
	await := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	await("no way is chosen", func() bool { return p.sender.consent.credentials.Load() != nil })
	// Before its own end of the handshake it has no way to say so.
	await("the browser does not connect", func() bool { return browser.PC.ConnectionState() == webrtc.PeerConnectionStateConnected })
	browser.Close()
	await("it is", p.withheld.Load)
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
