//! A file for what does not fit into memory. It has no name, so that nothing is left of it however the process ends.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes put one after another by any number of threads, fetched by where they lie.
#[derive(Debug)]
pub(crate) struct Spill {
    file: File,
    end: AtomicU64,
}

impl Spill {
    /// # Errors
    /// The folder cannot be written.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        Ok(Spill { file: tempfile::tempfile_in(folder)?, end: AtomicU64::new(0) })
    }
    #[cfg(test)]
    pub fn cut(&self, bytes: u64) {
        self.file.set_len(bytes).expect("cut");
    }
    /// Room for so many bytes; where it begins.
    pub fn reserve(&self, bytes: u64) -> u64 {
        self.end.fetch_add(bytes, Ordering::Relaxed)
    }
    /// Where the bytes lie from now on.
    pub fn put(&self, bytes: &[u8]) -> io::Result<u64> {
        let at = self.reserve(bytes.len() as u64);
        self.write(bytes, at).map(|()| at)
    }
    #[cfg(unix)]
    pub fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, at)
    }
    #[cfg(unix)]
    pub fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, at)
    }
    #[cfg(windows)]
    pub fn write(&self, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_write(&self.file, bytes, at)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => (bytes, at) = (&bytes[n..], at + n as u64),
            }
        }
        Ok(())
    }
    #[cfg(windows)]
    pub fn read(&self, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, bytes, at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => (bytes, at) = (&mut bytes[n..], at + n as u64),
            }
        }
        Ok(())
    }
}
