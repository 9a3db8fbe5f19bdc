package signaling

import (
	"strings"
	"testing"

	"github.com/parley/parley"
)

func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:x\r\na=ice-pwd:p\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", "v=0\r\na=ice-ufrag:y\r\na=mid:0\r\n")
	f.Fuzz(func(t *testing.T, body, offer string) {
		frag := parseFragment(body)
		if frag.restarts(offer) && !strings.Contains(offer, "a=ice-ufrag:") && strings.Contains(frag.apply(offer), "a=ice-ufrag:"+frag.ufrag+"\r\na=ice-ufrag:") {
			t.Error("credentials twice")
		}
		_ = fragmentOf(offer)
		_, _ = programOffer(publishes, offer)
	})
}

func TestAnEncodersOfferGetsItsDirectionAndSources(t *testing.T) {
	t.Parallel()
	sdp := "v=0\r\nm=audio 9 X 111\r\na=mid:a\r\na=sendrecv\r\nm=video 9 X 96\r\na=mid:b\r\na=sendonly\r\nm=video 9 X 96\r\na=mid:c\r\na=sendonly\r\n"
	offer, err := programOffer(publishes, sdp)
	if err != nil {
		t.Fatal(err)
	}
	for mid, want := range map[string]parley.Source{"a": parley.Microphone, "b": parley.Camera, "c": parley.Screen} {
		if offer.Sources[mid] != want {
			t.Errorf("line %s is %s", mid, offer.Sources[mid])
		}
	}
	if strings.Contains(offer.SDP, "sendrecv") || strings.Count(offer.SDP, "a=sendonly") != 3 {
		t.Error(offer.SDP)
	}
}
