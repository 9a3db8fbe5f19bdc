package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley/sfu"
	turnserver "github.com/parley/parley/sfu/turn"
)

// TestProgramsAreToldOfTheRelayOnceTheyAreIn answers as WHIP does.
func TestProgramsAreToldOfTheRelayOnceTheyAreIn(t *testing.T) {
	t.Parallel()
	cfg := turnserver.DefaultConfig()
	cfg.UDPAddress, cfg.TCPAddress = "127.0.0.1:0", "127.0.0.1:0"
	media := func() []netip.AddrPort { return nil }
	relay, err := turnserver.New(cfg, "meet.example.org", media, sfu.PionLogs(zap.NewNop()), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = relay.Close() }()
	for status, links := range map[int]int{http.StatusCreated: 2, http.StatusUnauthorized: 0, http.StatusNoContent: 0} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		answer := httptest.NewRecorder()
		(&server{turn: relay}).withICEServers(handler).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/whip/kfm-tqzw-rbn", nil))
		got := answer.Header().Values("Link")
		if len(got) != links {
			t.Errorf("%d: %q", status, got)
		}
		for _, link := range got {
			if !strings.HasPrefix(link, "<turn:meet.example.org:") || !strings.Contains(link, `; rel="ice-server"; username="`) {
				t.Errorf("%d: %s", status, link)
			}
		}
	}
}
