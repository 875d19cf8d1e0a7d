package main

import (
	"fmt"
	"net/netip"
)

// Network is a network of IPv6. One of IPv4 is the network that it is in IPv6.
type Network struct{ netip.Prefix }

// UnmarshalText reads a network of the settings, for example `192.0.2.0/24`.
func (network *Network) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return err
	}
	bits := prefix.Bits()
	if prefix.Addr().Is4() {
		bits += 96
	}
	network.Prefix = netip.PrefixFrom(netip.AddrFrom16(prefix.Addr().As16()), bits)
	return nil
}

func parseAddress(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err == nil && address.Zone() != "" {
		err = fmt.Errorf("address `%s` has a zone", text)
	}
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.AddrFrom16(address.As16()), nil
}
