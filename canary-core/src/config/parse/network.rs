//! Networks in CIDR notation (RFC 4632, RFC 4291).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Checks a network, as in `10.0.0.0/8`, and gives its canonical form.
///
/// # Errors
/// What was expected. An address with bits set behind the prefix is refused, with the network it is in: it may have
/// been meant as a single address.
pub(super) fn read(text: &str) -> Result<String, String> {
    let Some((address, prefix)) = text.split_once('/') else {
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => format!(
                "expected a network: for one address write \"{address}/{}\"",
                width(address)
            ),
            Err(_) => "expected `own-pod`, `own-node` or a CIDR, as in \"10.0.0.0/8\"".into(),
        });
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| "expected an IPv4 or IPv6 address before `/`".to_owned())?;
    let width = width(address);
    let digits = !prefix.is_empty() && prefix.bytes().all(|digit| digit.is_ascii_digit());
    let length = prefix
        .parse::<u32>()
        .ok()
        .filter(|length| digits && *length <= width)
        .ok_or_else(|| format!("expected a prefix length from 0 to {width} after `/`"))?;
    let network = masked(address, length);
    if network != address {
        return Err(format!(
            "expected a network: for the one around this address write \"{network}/{length}\""
        ));
    }
    Ok(format!("{network}/{length}"))
}

fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => Ipv4Addr::BITS,
        IpAddr::V6(_) => Ipv6Addr::BITS,
    }
}

fn masked(address: IpAddr, length: u32) -> IpAddr {
    // Shifting by the whole width is no number: that is the empty mask.
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(Ipv4Addr::BITS - length).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(Ipv6Addr::BITS - length).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_both_families_are_read() {
        for (text, canonical) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.77.0.31/32", "10.77.0.31/32"),
            ("::/0", "::/0"),
            ("FD00:0::/8", "fd00::/8"),
            ("::1/128", "::1/128"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(canonical));
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "own",
            "010.0.0.0/8",
            "10.0.0/8",
            "fe80::%eth0/64",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_answered_with_the_network_that_may_be_meant() {
        assert!(read("10.0.0.1").is_err_and(|message| message.contains("\"10.0.0.1/32\"")));
        assert!(read("10.1.2.3/8").is_err_and(|message| message.contains("\"10.0.0.0/8\"")));
    }
}
