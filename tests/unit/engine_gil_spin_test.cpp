// When a thread waits awake for a GIL.
#include <gtest/gtest.h>

#include "engine/gil_spin.hpp"

namespace brine::engine {
namespace {

// Returns the chance after so many spins of which this share has paid, spread evenly.
int chance_after(int spins, int paid_of_8) {
  int chance = kSure;
  for (int i = 0; i < spins; ++i) chance = next_chance(chance, i % 8 < paid_of_8);
  return chance;
}

TEST(GilSpin, IsWorthItWhereMostSpinsPay) {
  EXPECT_TRUE(is_worth_it(kSure)) << "it is tried at first";
  for (const int paid_of_8 : {6, 7, 8}) {
    for (int spins = 0; spins < 100; ++spins) {
      EXPECT_TRUE(is_worth_it(chance_after(spins, paid_of_8))) << spins << " " << paid_of_8;
    }
  }
  for (const int paid_of_8 : {0, 1}) {
    for (int spins = 100; spins < 200; ++spins) {
      EXPECT_FALSE(is_worth_it(chance_after(spins, paid_of_8))) << spins << " " << paid_of_8;
    }
  }
}

TEST(GilSpin, ComesBackWhenItPaysAgain) {
  int chance = chance_after(1000, 0);
  EXPECT_GE(chance, 0);
  for (int i = 0; i < 4; ++i) chance = next_chance(chance, true);
  EXPECT_TRUE(is_worth_it(chance));
  EXPECT_LE(next_chance(kSure, true), kSure);
}

TEST(GilHolder, IsTheOneThatHasGotTheGilLast) {
  GilHolder holder;
  const int first = 0;
  const int second = 0;
  EXPECT_FALSE(holder.is_there());
  holder.hold(&first);
  holder.hold(&second);
  holder.release(&first);  // which comes late to say so
  EXPECT_TRUE(holder.is_there());
  holder.release(&second);
  EXPECT_FALSE(holder.is_there());
}

TEST(GilSpin, EndsThoughTheGilIsHeldOn) {
  GilHolder holder;
  GilSpin spin;
  spin.wait_for(holder);
  const int request = 0;
  holder.hold(&request);
  for (unsigned i = 0; i < 2 * kSample; ++i) spin.wait_for(holder);
}

}  // namespace
}  // namespace brine::engine
