package signaling_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu/sfutest"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
)

// offerer lets a scripted browser offer by HTTP.
type whipClient struct {
	h        *house
	token    string
	ifMatch  string // of the next requests, or ""
	location string
	tag      string // of the ICE session, as it was answered last
	answer   string
}

func (h *house) program(scope auth.Scope) *whipClient {
	h.t.Helper()
	return &whipClient{h: h, token: h.as("program", scope).Token}
}

// send sends a request of a program.
func (c *whipClient) send(method, path, contentType, body string) (int, http.Header, string) {
	c.h.t.Helper()
	request, err := http.NewRequestWithContext(c.h.t.Context(), method, c.h.url+path, strings.NewReader(body))
	if err != nil {
		c.h.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", contentType)
	if c.ifMatch != "" {
		request.Header.Set("If-Match", c.ifMatch)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.h.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.h.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// open posts an offer and applies the answer.
func (c *whipClient) open(path string, b *sfutest.Browser) {
	c.h.t.Helper()
	offer, _ := b.Offer(nil)
	status, header, answer := c.send(http.MethodPost, path, "application/sdp", offer)
	if status != http.StatusCreated || header.Get("Content-Type") != "application/sdp" || header.Get("ETag") == "" {
		c.h.t.Fatalf("%s: %d %s", path, status, answer)
	}
	c.location, c.tag, c.answer = header.Get("Location"), header.Get("ETag"), answer
	b.Accept(answer)
}

func TestAnEncoderIsSeenByAPlayerAndByPeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	encoder := sfutest.New(t, sfutest.Lines{Sends: []parley.Source{parley.Microphone, parley.Camera}})
	publisher := h.program(auth.ScopePublish)
	publisher.open("/whip/"+string(meeting)+"?name=Studio", encoder)
	person := h.join(h.as("Nora", auth.ScopePublish))
	named, speaker, other := watcher(), watcher(), watcher()
	players := map[string]*sfutest.Browser{}
	for name, lines := range map[string]sfutest.Lines{"Studio": named, "": speaker, "Nobody": other} {
		players[name] = sfutest.New(t, lines)
		h.program(auth.ScopeView).open("/whep/"+string(meeting)+"?name="+name, players[name])
	}
	var opus sfutest.Opus
	var vp8 sfutest.VP8
	got := func(name string, seats func(*sfutest.Browser) []string) int {
		b := players[name]
		return len(b.Received(seats(b)[0]))
	}
	voices := func(b *sfutest.Browser) []string { return b.Voices }
	videos := func(b *sfutest.Browser) []string { return b.Videos }
	n := 0
	poll(t, "the players see and hear the encoder", func() bool {
		n++
		packet := opus.Next()
		encoder.SetLevel(parley.Microphone, packet, 30)
		encoder.Send(parley.Microphone, packet)
		for _, p := range vp8.Frame(n%10 == 1, 2) {
			encoder.Send(parley.Camera, p)
		}
		return got("Studio", voices) > 5 && got("Studio", videos) > 5 && got("", voices) > 5 && got("", videos) > 5
	})
	if got("Nobody", voices) > 0 || got("Nobody", videos) > 0 {
		t.Error("who watches nobody gets somebody")
	}
	poll(t, "people see the encoder in the roster", func() bool {
		for _, p := range person.Roster() {
			if p.Name == "Studio" && len(p.Tracks) == 2 && !p.Recorded {
				return true
			}
		}
		return false
	})
	if status, _, _ := publisher.send(http.MethodDelete, publisher.location, "", ""); status != http.StatusOK {
		t.Errorf("delete: %d", status)
	}
	poll(t, "the encoder is gone", func() bool {
		return !slices.ContainsFunc(namesOf(person.Roster()), func(name string) bool { return name == "Studio" })
	})
	if status, _, _ := publisher.send(http.MethodDelete, publisher.location, "", ""); status != http.StatusNotFound {
		t.Errorf("delete again: %d", status)
	}
}

func watcher() sfutest.Lines { return sfutest.Lines{Voices: 1, Videos: 1} }

func TestAnEncoderThatVanishesIsNoticed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes as long as a connection needs to fail")
	}
	h := newHouse(t, nil)
	person := h.join(h.as("Nora", auth.ScopePublish))
	encoder := sfutest.New(t, sfutest.Lines{Sends: []parley.Source{parley.Microphone}})
	h.program(auth.ScopePublish).open("/whip/"+string(meeting)+"?name=Studio", encoder)
	var opus sfutest.Opus
	poll(t, "it is there", func() bool {
		encoder.Send(parley.Microphone, opus.Next())
		return slices.Contains(namesOf(person.Roster()), "Studio")
	})
	encoder.Close()
	deadline := time.Now().Add(time.Minute)
	for slices.Contains(namesOf(person.Roster()), "Studio") {
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func namesOf(people []signaling.Person) []string {
	var names []string
	for _, p := range people {
		names = append(names, p.Name)
	}
	return names
}
