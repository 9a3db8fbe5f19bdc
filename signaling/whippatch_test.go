package signaling_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu/sfutest"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/problem"
)

const (
	fragType  = "application/trickle-ice-sdpfrag"
	candidate = "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n"
)

// patch sends a fragment on a condition, or "".
func (c *whipClient) patch(ifMatch, fragment string) (int, http.Header, string) {
	c.h.t.Helper()
	c.ifMatch = ifMatch
	defer func() { c.ifMatch = "" }()
	return c.send(http.MethodPatch, c.location, fragType, fragment)
}

// wantPatch sends one that is to be answered by a status.
func (c *whipClient) wantPatch(want int, ifMatch, fragment string) (http.Header, string) {
	c.h.t.Helper()
	status, header, text := c.patch(ifMatch, fragment)
	if status != want {
		c.h.t.Errorf("If-Match %q is answered by %d, not %d: %s\n%s", ifMatch, status, want, text, fragment)
	}
	if status == http.StatusNoContent && (header.Get("ETag") != "" || text != "") {
		c.h.t.Errorf("204 with ETag %q and body %q", header.Get("ETag"), text)
	}
	return header, text
}

// fragmentOf is what a client trickles of its description.
func fragmentOf(sdp string) string {
	return only(sdp, "a=ice-ufrag", "a=ice-pwd", "a=mid", "a=candidate")
}

// only keeps the lines that begin so.
func only(text string, prefixes ...string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		for _, prefix := range prefixes {
			if strings.HasPrefix(line, prefix) {
				out.WriteString(line)
			}
		}
	}
	return out.String()
}

// answerOf puts the credentials of a restart into the answer before.
func answerOf(before, restart string) string {
	var out strings.Builder
	for line := range strings.Lines(before) {
		for _, name := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
			if strings.HasPrefix(line, name) {
				line = only(restart, name)
			}
		}
		out.WriteString(line)
	}
	return out.String()
}

// publishing is an encoder that is connected.
func (h *house) publishing() (*whipClient, *sfutest.Browser) {
	h.t.Helper()
	encoder := sfutest.New(h.t, sfutest.Lines{Sends: []parley.Source{parley.Microphone}})
	c := h.program(auth.ScopePublish)
	c.open("/whip/"+string(meeting)+"?name=Studio", encoder)
	h.wantConnected(encoder)
	return c, encoder
}

func (h *house) wantConnected(b *sfutest.Browser) {
	h.t.Helper()
	poll(h.t, "ICE connects", func() bool { return b.PC.ICEConnectionState() == webrtc.ICEConnectionStateConnected })
}

func TestAProgramRestartsICE(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	c, encoder := h.publishing()
	offer, _ := encoder.Offer(&webrtc.OfferOptions{ICERestart: true})
	useless := "a=candidate:9 1 tcp 1 127.0.0.1 9 typ host tcptype other\r\n" // which spoils nothing
	header, restart := c.wantPatch(http.StatusOK, "*", only(offer, "a=ice-ufrag", "a=ice-pwd", "a=mid")+useless)
	tag := header.Get("ETag")
	if header.Get("Content-Type") != fragType || tag == "" || tag == c.tag {
		t.Errorf("the ICE session is %s, and was %s; %v", tag, c.tag, header)
	}
	for _, prefix := range []string{"m=audio ", "a=mid:0", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"} {
		if only(restart, prefix) == "" {
			t.Errorf("the answer has no %s", prefix)
		}
	}
	if !strings.HasSuffix(restart, "\r\na=end-of-candidates\r\n") || strings.Count(restart, "m=") != 1 {
		t.Errorf("the answer does not end with its candidates, or has several lines:\n%s", restart)
	}
	if only(restart, "a=ice-options", "a=ice-lite") != only(c.answer, "a=ice-options", "a=ice-lite") {
		t.Errorf("the answer has other options than the first:\n%s", restart)
	}
	c.wantPatch(http.StatusNoContent, tag, only(offer, "a=mid", "a=candidate"))
	encoder.Accept(answerOf(c.answer, restart))
	h.wantConnected(encoder)
}

// TestALateFragmentRestartsNothing sends fragments of before a restart after it.
func TestALateFragmentRestartsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	c, encoder := h.publishing()
	late := fragmentOf(encoder.PC.LocalDescription().SDP)
	c.wantPatch(http.StatusNoContent, c.tag, late)
	c.wantPatch(http.StatusNoContent, "", late)
	offer, _ := encoder.Offer(&webrtc.OfferOptions{ICERestart: true})
	again := fragmentOf(offer)
	header, restart := c.wantPatch(http.StatusOK, `"*"`, again)
	tag := header.Get("ETag")
	c.wantPatch(http.StatusPreconditionFailed, "", late)
	c.wantPatch(http.StatusPreconditionFailed, c.tag, late)
	c.wantPatch(http.StatusPreconditionFailed, "*", late)
	c.wantPatch(http.StatusPreconditionFailed, tag, late)
	c.wantPatch(http.StatusPreconditionFailed, c.tag, "a=mid:0\r\n"+candidate)
	c.wantPatch(http.StatusPreconditionFailed, "W/"+tag, again)
	strange := strings.ReplaceAll(again, "a=ice-ufrag:", "a=ice-ufrag:other")
	c.wantPatch(http.StatusPreconditionFailed, c.tag, strange)
	c.wantPatch(http.StatusPreconditionRequired, "", strange)
	c.wantPatch(http.StatusNoContent, tag, again)
	c.wantPatch(http.StatusNoContent, `"x", `+tag, again)
	c.wantPatch(http.StatusNoContent, "", again)
	if header, text := c.wantPatch(http.StatusOK, "*", again); text != restart || header.Get("ETag") != tag {
		t.Errorf("the same restart again is answered by %s %s, not by %s %s", header.Get("ETag"), text, tag, restart)
	}
	encoder.Accept(answerOf(c.answer, restart))
	h.wantConnected(encoder)
}

func TestFragments(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	c, encoder := h.publishing()
	own := only(encoder.PC.LocalDescription().SDP, "a=ice-ufrag")
	for name, f := range map[string]struct {
		text string
		want int
	}{
		"nothing":                     {"", http.StatusNoContent},
		"the end of candidates":       {"a=mid:0\r\na=end-of-candidates\r\n", http.StatusNoContent},
		"no line named":               {candidate, http.StatusNoContent},
		"a ufrag alone":               {own + candidate, http.StatusNoContent},
		"another transport":           {"a=mid:0\r\na=candidate:1 1 sctp 1 127.0.0.1 9 typ host\r\n" + candidate, http.StatusNoContent},
		"another way of TCP":          {"a=mid:0\r\na=candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype other\r\n" + candidate, http.StatusNoContent},
		"a name that is nowhere":      {"a=mid:0\r\na=candidate:1 1 udp 1 host.invalid 9 typ host\r\n" + candidate, http.StatusNoContent},
		"a strange ufrag alone":       {"a=ice-ufrag:strange\r\n" + candidate, http.StatusBadRequest},
		"a candidate that is none":    {"a=mid:0\r\na=candidate:hello\r\n", http.StatusBadRequest},
		"words":                       {"hello\r\n", http.StatusBadRequest},
		"credentials that break line": {"a=ice-ufrag:a\rb\r\na=ice-pwd:0123456789012345678901\r\n", http.StatusBadRequest},
		"too much":                    {strings.Repeat(candidate, 20_000), http.StatusRequestEntityTooLarge},
	} {
		if status, _, text := c.patch("", f.text); status != f.want {
			t.Errorf("%s: %d, not %d: %s", name, status, f.want, text)
		}
	}
	status, header, _ := c.send(http.MethodPatch, c.location, "application/sdp", candidate)
	if status != http.StatusUnsupportedMediaType || header.Get("Accept-Patch") != fragType {
		t.Errorf("SDP for a fragment: %d, Accept-Patch %q", status, header.Get("Accept-Patch"))
	}
}

// TestAProgramSendsNoMoreThanABrowserMay: candidates are addresses to which the server sends, and a restart costs
// as much as a join.
func TestAProgramSendsNoMoreThanABrowserMay(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	c, _ := h.publishing()
	header, _ := c.wantPatch(http.StatusTooManyRequests, "", strings.Repeat(candidate, 201))
	if header.Get("Retry-After") == "" {
		t.Error("it is not said when to try again")
	}
	const most = 60 // one in two seconds is allowed, and ten at once
	for n := range most {
		status, header, text := c.patch("*", fmt.Sprintf("a=ice-ufrag:restart%d\r\na=ice-pwd:0123456789012345678901\r\n", n))
		if status == http.StatusTooManyRequests && header.Get("Retry-After") == "2" {
			return
		}
		if status != http.StatusOK {
			t.Fatalf("restart %d: %d %s", n, status, text)
		}
	}
	t.Errorf("ICE may be restarted %d times", most)
}

// TestACandidateComesWhileAProgramLeaves is for the race detector, too.
func TestACandidateComesWhileAProgramLeaves(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for range 3 {
		encoder := sfutest.New(t, sfutest.Lines{Sends: []parley.Source{parley.Microphone}})
		c := h.program(auth.ScopePublish)
		c.open("/whip/"+string(meeting)+"?name=Studio", encoder)
		var started, ended sync.WaitGroup
		for range 8 {
			started.Add(1)
			ended.Go(func() {
				first := sync.OnceFunc(started.Done)
				defer first()
				for {
					request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, h.url+c.location, strings.NewReader(candidate))
					if err != nil {
						t.Error(err)
						return
					}
					request.Header.Set("Content-Type", fragType)
					response, err := http.DefaultClient.Do(request)
					first()
					if err != nil {
						t.Errorf("a candidate is not answered: %v", err)
						return
					}
					_ = response.Body.Close()
					if response.StatusCode == http.StatusNotFound {
						return
					}
					if response.StatusCode != http.StatusNoContent && response.StatusCode != http.StatusTooManyRequests {
						t.Errorf("a candidate is answered by %s", response.Status)
						return
					}
				}
			})
		}
		started.Wait()
		if status, _, text := c.send(http.MethodDelete, c.location, "", ""); status != http.StatusOK {
			t.Errorf("delete: %d %s", status, text)
		}
		if status, _, _ := c.send(http.MethodDelete, c.location, "", ""); status != http.StatusNotFound {
			t.Errorf("delete again: %d", status)
		}
		ended.Wait()
		encoder.Close()
	}
}

// TestACandidateThatComesTooLateFindsNobody sends one whose body comes when the program has left.
func TestACandidateThatComesTooLateFindsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	c, _ := h.publishing()
	body, rest := io.Pipe()
	found := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(found) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, h.url+c.location, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", fragType)
	request.Header.Set("Expect", "100-continue") // which the server says once it reads the body
	transport := &http.Transport{ExpectContinueTimeout: patience}
	defer transport.CloseIdleConnections()
	go func() {
		<-found
		c.send(http.MethodDelete, c.location, "", "")
		_, _ = io.WriteString(rest, candidate)
		_ = rest.Close()
	}()
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("it is answered by %s", response.Status)
	}
}

// TestTheAddressOfASessionIsSaidOnce: whoever has it may end the session.
func TestTheAddressOfASessionIsSaidOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	c, encoder := h.publishing()
	key := c.location[strings.LastIndex(c.location, "/")+1:]
	if key == "" || strings.Contains(c.tag, key) || strings.Contains(c.answer, key) {
		t.Errorf("the answer at %s repeats the key: %s\n%s", c.location, c.tag, c.answer)
	}
	offer, _ := encoder.Offer(&webrtc.OfferOptions{ICERestart: true})
	silent := func(status int, header http.Header, text string) {
		t.Helper()
		for name, values := range header {
			if strings.Contains(strings.Join(values, ","), key) {
				t.Errorf("%d: %s repeats the key", status, name)
			}
		}
		if strings.Contains(text, key) {
			t.Errorf("%d: the body repeats the key: %s", status, text)
		}
	}
	silent(c.patch("*", fragmentOf(offer)))
	silent(c.patch("", "hello"))
	silent(c.patch(c.tag, candidate))
	silent(c.send(http.MethodGet, c.location, "", ""))
	silent(c.send(http.MethodPut, c.location, "", ""))
	silent(c.send(http.MethodDelete, c.location, "", ""))
	silent(c.send(http.MethodDelete, c.location, "", ""))
	encoder.Close()
	h.stop()
	if strings.Contains(h.logs.String(), key) {
		t.Error("the log has the key")
	}
}

// TestPagesOfOtherOriginsMayPublishAndWatch asks as browsers do (Fetch §3.2), and for what they hand to a page.
func TestPagesOfOtherOriginsMayPublishAndWatch(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	c, _ := h.publishing()
	for path, want := range map[string][3]string{
		"/whip/" + string(meeting): {"POST, OPTIONS", "Accept-Post", "application/sdp"},
		"/whep/" + string(meeting): {"POST, OPTIONS", "Accept-Post", "application/sdp"},
		c.location:                 {"PATCH, DELETE, OPTIONS", "Accept-Patch", fragType},
	} {
		status, header, _ := c.send(http.MethodOptions, path, "", "")
		if status != http.StatusOK || header.Get("Access-Control-Allow-Methods") != want[0] || header.Get(want[1]) != want[2] ||
			header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, If-Match, *" {
			t.Errorf("OPTIONS %s: %d %v", path, status, header)
		}
		for _, method := range []string{http.MethodOptions, http.MethodGet, http.MethodPost} {
			status, header, _ := c.send(method, path, "", "")
			if header.Get("Access-Control-Allow-Origin") != "*" || header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %s: %d for %q, with credentials %q", method, path, status,
					header.Get("Access-Control-Allow-Origin"), header.Get("Access-Control-Allow-Credentials"))
			}
			for _, name := range []string{"Location", "Link", "ETag", "Accept-Patch"} {
				if !strings.Contains(header.Get("Access-Control-Expose-Headers"), name) {
					t.Errorf("%s %s hides %s", method, path, name)
				}
			}
		}
		if status, _, text := c.send(http.MethodGet, path, "", ""); status != http.StatusNoContent || text != "" {
			t.Errorf("GET %s: %d %s", path, status, text)
		}
	}
}

func TestProgramsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	offer, _ := sfutest.New(t, watcher()).Offer(nil)
	own, _ := sfutest.New(t, sfutest.Lines{Sends: []parley.Source{parley.Microphone, parley.Camera}}).Offer(nil)
	bare := regexp.MustCompile("a=group:BUNDLE.*\r\n").ReplaceAllString(own, "")
	mute := strings.ReplaceAll(own, "opus/48000/2", "speex/16000")
	member, nobody := h.program(auth.ScopePublish), &whipClient{h: h, token: "nonsense"}
	for name, c := range map[string]struct {
		as                      *whipClient
		path, contentType, body string
		want                    int
	}{
		"no token":      {nobody, "/whip/" + string(meeting), "application/sdp", offer, http.StatusUnauthorized},
		"other meeting": {member, "/whip/aaa-bbbb-ccc", "application/sdp", offer, http.StatusNotFound},
		"no SDP":        {member, "/whip/" + string(meeting), "application/json", "{}", http.StatusUnsupportedMediaType},
		"no type":       {member, "/whip/" + string(meeting), "", offer, http.StatusUnsupportedMediaType},
		"too much":      {member, "/whip/" + string(meeting), "application/sdp", offer + strings.Repeat("a=x\r\n", 200_000), http.StatusRequestEntityTooLarge},
		"no bundle":     {member, "/whip/" + string(meeting), "application/sdp", bare, http.StatusBadRequest},
		"no codec":      {member, "/whip/" + string(meeting), "application/sdp", mute, http.StatusBadRequest},
		"to watch only": {h.program(auth.ScopeView), "/whip/" + string(meeting), "application/sdp", own, http.StatusForbidden},
		"nothing":       {member, "/whip/" + string(meeting), "application/sdp", "", http.StatusBadRequest},
		"nonsense":      {member, "/whip/" + string(meeting), "application/sdp", "hello", http.StatusBadRequest},
		"a long name":   {member, "/whip/" + string(meeting) + "?name=" + strings.Repeat("x", 100), "application/sdp", offer, http.StatusRequestEntityTooLarge},
	} {
		status, header, text := c.as.send(http.MethodPost, c.path, c.contentType, c.body)
		if status != c.want || header.Get("Content-Type") != problem.ContentType {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, _, _ := member.send(http.MethodPatch, "/whip/"+string(meeting)+"/nobody", "application/trickle-ice-sdpfrag", ""); status != http.StatusNotFound {
		t.Errorf("patch of no session: %d", status)
	}
}
