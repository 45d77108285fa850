//! Section 4 of the contract: adding, removing and replacing, and everything else that a user has commands for.

mod adding;
mod creating;
mod metadata;
mod profile;
mod removing;
mod replacing;
mod rules;
mod second_factors;
