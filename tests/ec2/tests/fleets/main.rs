//! The EC2 adapter of fleets against the local endpoint: the port's contract, and what only this adapter can lose,
//! leave behind or be refused.

mod accidents;
mod causes;
mod machines;
mod prices;
mod sizes;
mod world;

use spotmill_platform::contract;
use world::World;

#[tokio::test]
async fn fleets_of_ec2_keep_the_contract() {
    let world = World::start().await;
    contract::fleets::all(&world.fleets, "contract", |name| world.request(name)).await;
    world.nothing_is_left();
}
