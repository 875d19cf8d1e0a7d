package exact_test

import (
	"encoding/json"
	"testing"
	"time"

	"guardhouse.dev/sdk/internal/exact"
)

type inner struct {
	Max    int     `json:"max"`
	Maybe  *int    `json:"maybe,omitempty"`
	Quoted int     `json:",string"`
	Other  float64 `json:"-"`
}

type outer struct {
	inner
	Inner   inner                 `json:"inner"`
	List    []inner               `json:"list"`
	Table   map[string]inner      `json:"table"`
	Any     any                   `json:"any"`
	Raw     json.RawMessage       `json:"raw"`
	At      time.Time             `json:"at"`
	Pointed *map[string]*[]string `json:"pointed"`
	Plain   string
	Rate    float32 `json:"rate"`
	Big     int64   `json:"big"`
	Number  json.Number
}

func TestFits(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"max": 1, "maybe": null, "Quoted": "1", "unknown": null, "Plain": "x", "any": null, "raw": null, "pointed": null}`,
		`{"inner": {"max": 1}, "list": [{"max": 2}], "table": {"A": {"max": 3}, "a": {"max": 4}}, "at": null}`,
		`{"pointed": {"a": null, "b": ["x"]}, "-": null, "Other": null, "any": {"MAX": null}, "raw": {"MAX": null}}`,
		`{"any": [9007199254740992, -9007199254740992, 1e300, 9007199254740993.0], "rate": 9007199254740992}`,
		`{"big": 9007199254740993, "raw": 9007199254740993, "Number": 9007199254740993}`,
	} {
		if err := exact.Fits([]byte(text), new(outer)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMismatches(t *testing.T) {
	for text, want := range map[string]string{
		`null`:                                   "json: null at `` is not of type exact_test.outer",
		`{"MAX": 1}`:                             "json: `/MAX` must be `max` in exact_test.outer",
		`{"max": 1, "Max": 2}`:                   "json: `/Max` must be `max` in exact_test.outer",
		`{"plain": "x"}`:                         "json: `/plain` must be `Plain` in exact_test.outer",
		`{"ma\u017f\u212a": 1, "li\u017ft": []}`: "json: `/li\u017ft` must be `list` in exact_test.outer",
		`{"max": null}`:                          "json: null at `/max` is not of type int",
		`{"list": null}`:                         "json: null at `/list` is not of type []exact_test.inner",
		`{"list": [{"MAX": 1}]}`:                 "json: `/list/0/MAX` must be `max` in exact_test.inner",
		`{"table": {"x": {"max":null}}}`:         "json: null at `/table/x/max` is not of type int",
		`{"pointed": {"b": [null]}}`:             "json: null at `/pointed/b/0` is not of type string",
		`{"any": [{"id": 9007199254740993}]}`:    "json: the integer 9007199254740993 at `/any/0/id` is beyond 2^53 and would be rounded: read it into an int64",
		`{"rate": -9007199254740993}`:            "json: the integer -9007199254740993 at `/rate` is beyond 2^53 and would be rounded: read it into an int64",
		`{"any": 18446744073709551615}`:          "json: the integer 18446744073709551615 at `/any` is beyond 2^53 and would be rounded: read it into an int64",
		`{"Plain": "x"`:                          "unexpected end of JSON input",
	} {
		if err := exact.Fits([]byte(text), new(outer)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestATargetIsAPointer(t *testing.T) {
	for _, target := range []any{nil, outer{}, "x"} {
		if err := exact.Fits([]byte("{}"), target); err == nil {
			t.Errorf("%T is accepted as a target", target)
		}
	}
}
