package api

import (
	"strings"
	"testing"

	"github.com/parley/parley/signaling/auth"
)

func TestATranscriptCanBeTakenAlong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.held()
	host := h.token(m.ID, auth.ScopeHost)
	path := "/api/v1/records/" + string(m.ID) + "/transcript?format="
	for format, begins := range map[string]string{"vtt": "WEBVTT\n\n00:", "srt": "1\n00:", "txt": "[00:", "docx": "PK", "json": `{"meeting":{`} {
		answer := h.ask(h.browser(), "GET", path+format, "", host...)
		answer.want(200, "")
		if !strings.HasPrefix(string(answer.body), begins) {
			t.Errorf("%s: %q", format, answer.body)
		}
		if name := answer.header.Get("Content-Disposition"); !strings.Contains(name, string(m.ID)+"."+format) {
			t.Errorf("%s is called %q", format, name)
		}
	}
	h.ask(h.browser(), "GET", path+"doc", "", host...).want(400, "vtt, srt, txt, docx or json")
	h.ask(h.browser(), "GET", path+"vtt", "").want(404, "")
}
