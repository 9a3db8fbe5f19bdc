package sfu

import (
	"fmt"
	"strings"

	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
)

// codec is what a publication is encoded with.
type codec struct {
	mime      string // as in SDP, in its usual case: "video/VP8"
	lower     string // mime in lower case: folding it for each packet would allocate
	kind      parley.MediaKind
	clockRate uint32 // Hz
	channels  uint16 // 0 for video
	variant   string // tells apart what cannot be decoded alike: H.264 packetization mode, VP9 profile
}

// newCodec reads what was negotiated.
func newCodec(c webrtc.RTPCodecCapability) codec {
	found := codec{mime: c.MimeType, clockRate: c.ClockRate, channels: c.Channels, kind: parley.Video}
	for _, known := range offeredCodecs() {
		if strings.EqualFold(known.capability.MimeType, c.MimeType) {
			found.mime = known.capability.MimeType
		}
	}
	if strings.EqualFold(c.MimeType, mimeRED) {
		found.mime = webrtc.MimeTypeOpus // which is all that it is used for
	}
	found.lower = strings.ToLower(found.mime)
	switch found.mime {
	case webrtc.MimeTypeOpus:
		found.kind = parley.Audio
	case webrtc.MimeTypeH264:
		found.variant = parameter(c.SDPFmtpLine, "packetization-mode", "0")
	case webrtc.MimeTypeVP9:
		found.variant = parameter(c.SDPFmtpLine, "profile-id", "0")
	}
	return found
}

// parameter finds one format parameter in an a=fmtp line (RFC 4566 §6).
func parameter(line, name, otherwise string) string {
	for field := range strings.SplitSeq(line, ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(field), "="); ok && strings.EqualFold(key, name) {
			return value
		}
	}
	return otherwise
}

// format is how one browser wants one codec: payload types are each browser's own.
type format struct {
	payload uint8
	rtx     uint8 // payload type of its retransmissions, 0 when there are none
}

// formats maps a codec to its format. Keys are mime type and variant.
type formats map[string]format

// newFormats reads what was negotiated with one browser.
func newFormats(negotiated []webrtc.RTPCodecParameters) formats {
	found := formats{}
	retransmissions := map[string]uint8{} // by payload type, in decimal
	for _, c := range negotiated {
		if strings.EqualFold(c.MimeType, webrtc.MimeTypeRTX) {
			retransmissions[parameter(c.SDPFmtpLine, "apt", "")] = uint8(c.PayloadType)
		}
	}
	for _, c := range negotiated {
		key := formatKey(newCodec(c.RTPCodecCapability))
		if _, taken := found[key]; taken || strings.EqualFold(c.MimeType, webrtc.MimeTypeRTX) || strings.EqualFold(c.MimeType, mimeRED) {
			continue // the browser's first choice stands first
		}
		rtx := retransmissions[fmt.Sprint(c.PayloadType)]
		found[key] = format{payload: uint8(c.PayloadType), rtx: rtx}
	}
	return found
}

// find returns the format for a publication's codec.
func (f formats) find(c codec) (format, bool) {
	found, ok := f[formatKey(c)]
	return found, ok
}

func formatKey(c codec) string { return c.mime + "/" + c.variant }

// The header extensions the packet path reads or writes.
const (
	audioLevelURI  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"            // RFC 6464
	midURI         = "urn:ietf:params:rtp-hdrext:sdes:mid"                    // RFC 8843
	ridURI         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"          // RFC 8852
	repairedRIDURI = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" // RFC 8852
	dependencyURI  = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
	transportURI   = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" // transport-cc
)

// offered is one codec the server takes, with the payload type it would use itself; a browser's own
// is used with that browser.
type offered struct {
	capability webrtc.RTPCodecCapability
	payload    webrtc.PayloadType
	rtx        webrtc.PayloadType // 0 for audio
}

// offeredCodecs lists what is forwarded, best first. H.264 is baseline and constrained baseline
// only: what one browser sends, every other has to decode.
func offeredCodecs() []offered {
	audio := []webrtc.RTCPFeedback{{Type: webrtc.TypeRTCPFBTransportCC}}
	video := []webrtc.RTCPFeedback{
		{Type: webrtc.TypeRTCPFBTransportCC},
		{Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"},
		{Type: webrtc.TypeRTCPFBNACK},
		{Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"},
	}
	h264 := func(mode, profile string) webrtc.RTPCodecCapability {
		return webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, RTCPFeedback: video,
			SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=" + mode + ";profile-level-id=" + profile,
		}
	}
	return []offered{
		{webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, RTCPFeedback: audio,
			SDPFmtpLine: "minptime=10;useinbandfec=1",
		}, 111, 0},
		{webrtc.RTPCodecCapability{
			MimeType: mimeRED, ClockRate: 48000, Channels: 2, SDPFmtpLine: "111/111",
		}, 63, 0},
		{webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: video}, 96, 97},
		{h264("1", "42e01f"), 102, 103},
		{h264("1", "42001f"), 104, 105},
		{h264("0", "42e01f"), 106, 107},
		{h264("0", "42001f"), 108, 109},
		{webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP9, ClockRate: 90000, RTCPFeedback: video, SDPFmtpLine: "profile-id=0",
		}, 98, 99},
		{webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeAV1, ClockRate: 90000, RTCPFeedback: video}, 45, 46},
	}
}

// newMediaEngine registers codecs and header extensions.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	engine := &webrtc.MediaEngine{}
	for _, c := range offeredCodecs() {
		kind := webrtc.RTPCodecTypeVideo
		if c.rtx == 0 {
			kind = webrtc.RTPCodecTypeAudio
		}
		err := engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: c.capability, PayloadType: c.payload}, kind)
		if err != nil {
			return nil, fmt.Errorf("register %s: %w", c.capability.MimeType, err)
		}
		if c.rtx == 0 {
			continue
		}
		err = engine.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", c.payload),
			},
			PayloadType: c.rtx,
		}, kind)
		if err != nil {
			return nil, fmt.Errorf("register RTX: %w", err)
		}
	}
	extensions := map[webrtc.RTPCodecType][]string{
		webrtc.RTPCodecTypeAudio: {midURI, audioLevelURI, transportURI},
		webrtc.RTPCodecTypeVideo: {midURI, ridURI, repairedRIDURI, transportURI, dependencyURI},
	}
	for kind, uris := range extensions {
		for _, uri := range uris {
			err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind)
			if err != nil {
				return nil, fmt.Errorf("register %s: %w", uri, err)
			}
		}
	}
	return engine, nil
}
