//! Distance between two places on the earth.

/// Mean radius of the earth in metres (IUGG, R1).
const EARTH_RADIUS: f64 = 6_371_008.8;

/// Metres between two places in degrees, on a sphere, by the haversine formula (R. W. Sinnott, "Virtues of the haversine", 1984); rounded to the metre.
/// `None`: no place on the earth. Sines are those of the `libm` crate, which gives the same bits on every machine.
pub fn metres_between(lat_a: f64, lon_a: f64, lat_b: f64, lon_b: f64) -> Option<i64> {
    let on_earth = |lat: f64, lon: f64| lat.abs() <= 90.0 && lon.abs() <= 180.0;
    if !on_earth(lat_a, lon_a) || !on_earth(lat_b, lon_b) {
        return None;
    }
    let (north, east) = ((lat_b - lat_a).to_radians() / 2.0, (lon_b - lon_a).to_radians() / 2.0);
    let (sin_north, sin_east) = (libm::sin(north), libm::sin(east));
    let h = sin_north * sin_north + libm::cos(lat_a.to_radians()) * libm::cos(lat_b.to_radians()) * sin_east * sin_east;
    let angle = 2.0 * libm::asin(h.clamp(0.0, 1.0).sqrt());
    Some((EARTH_RADIUS * angle).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::metres_between;

    #[test]
    fn known_distances() {
        // One degree of a great circle; half way round; Beijing to Guiyang and back.
        assert_eq!(metres_between(0.0, 0.0, 0.0, 1.0), Some(111_195));
        assert_eq!(metres_between(26.0, 106.0, 27.0, 106.0), Some(111_195));
        assert_eq!(metres_between(0.0, -90.0, 0.0, 90.0), Some(20_015_114));
        let there = metres_between(39.9042, 116.4074, 26.6470, 106.6302);
        assert_eq!(there, metres_between(26.6470, 106.6302, 39.9042, 116.4074));
        assert_eq!(there.map(|m| m / 10_000), Some(172));
        // Over the date line; a metre; no place.
        assert_eq!(metres_between(10.0, 179.9999, 10.0, -179.9999), Some(22));
        assert_eq!(metres_between(26.0, 106.0, 26.000_009, 106.0), Some(1));
        assert_eq!(metres_between(26.0, 106.0, 26.0, 106.0), Some(0));
        assert_eq!(metres_between(91.0, 0.0, 0.0, 0.0), None);
    }
}
